"""Stand-ins for models and engines, where these are not what is tested."""

from raycal.testing.simulated_engine import SimulatedEngine, SimulatedStates
from raycal.testing.simulated_model import Fact, Service, SimulatedModel, facts_of, simulated_model

__all__ = ["Fact", "Service", "SimulatedEngine", "SimulatedModel", "SimulatedStates", "facts_of", "simulated_model"]
