"""The types of the public names, which `__init__.py` imports when they are used."""

from raycal import events as events
from raycal import methods as methods
from raycal.analysis.frames import open_store as open_store
from raycal.api import run as run
from raycal.errors import RaycalError as RaycalError
from raycal.experiment.config import Experiment as Experiment
from raycal.metrics.arrays import bootstrap as bootstrap
from raycal.metrics.arrays import ece as ece
from raycal.metrics.evaluate import evaluate as evaluate
from raycal.plan.build import plan_experiment as plan_experiment
from raycal.plan.lines import Rates as Rates
from raycal.report import plot as plot
from raycal.stages.ask import ask as ask

__version__: str
__all__: list[str]
