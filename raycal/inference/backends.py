"""The classes behind `engine.backend`."""

from __future__ import annotations

from raycal.config.engine import BackendName, EngineConfig
from raycal.inference.backend import StatesBackend, TextBackend


def text_backend(config: EngineConfig) -> type[TextBackend]:
    """The class that answers."""
    match config.backend:
        case BackendName.VLLM:
            from raycal.inference.vllm_backend import Engine

            return Engine
        case BackendName.SIMULATED:
            from raycal.testing.simulated_engine import SimulatedEngine

            return SimulatedEngine


def states_backend(config: EngineConfig) -> type[StatesBackend]:
    """The class that reads hidden states."""
    match config.backend:
        case BackendName.VLLM:
            from raycal.inference.hidden_states import HiddenStates

            return HiddenStates
        case BackendName.SIMULATED:
            from raycal.testing.simulated_engine import SimulatedStates

            return SimulatedStates
