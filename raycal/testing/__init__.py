"""Stand-ins for models and engines, and checks of what extends raycal."""

from raycal.testing.check_backend import check_backend
from raycal.testing.check_grader import check_grader
from raycal.testing.check_method import check_method, made_up_evidence
from raycal.testing.check_source import check_source
from raycal.testing.simulated_engine import SimulatedEngine, SimulatedStates
from raycal.testing.simulated_model import Fact, Service, SimulatedModel, facts_of, simulated_model

__all__ = [
    "Fact",
    "Service",
    "SimulatedEngine",
    "SimulatedModel",
    "SimulatedStates",
    "check_backend",
    "check_grader",
    "check_method",
    "check_source",
    "facts_of",
    "made_up_evidence",
    "simulated_model",
]
