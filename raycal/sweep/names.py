"""The id of a sweep, and the experiment whose methods need all that the space needs."""

from __future__ import annotations

from raycal.experiment.config import Experiment
from raycal.store.keys import digest
from raycal.sweep.config import SweepConfig
from raycal.sweep.space import Space

# Options that say how far and how fast a sweep goes, not what is searched, for what and from where.
_NOT_SEARCHED = ("trials", "scheduler", "concurrency", "in_batches", "cpus_per_trial", "study", "mlflow")


def elicited_experiment(experiment: Experiment, space: Space) -> Experiment:
    """The experiment with methods that together need all that any method of the space needs."""
    methods = {method.model_dump_json(): method for method in space.elicited()}
    labels = {method.label: method for method in methods.values()}
    return Experiment.model_validate(dict(experiment) | {"methods": tuple(labels.values())})


def sweep_id(name: str, run_id: str, config: SweepConfig) -> str:
    """A name and a hash of what is searched, for what, and on which answers (those of the run)."""
    return f"{name}-{digest('sweep', run_id, config.identity(exclude=_NOT_SEARCHED))[:8]}"
