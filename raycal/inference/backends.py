"""Backends by the names that files use, and what each can do for the methods of an experiment."""

from __future__ import annotations

from typing import Any

from raycal.config.engine import Device, EngineConfig, ModelConfig
from raycal.errors import RaycalError
from raycal.inference.backend import Backend, Capability, StatesBackend, TextBackend
from raycal.registry import Registry

BACKENDS: Registry[type[Any]] = Registry(
    "backend",
    {
        "vllm": "raycal.inference.vllm_backend",
        "transformers": "raycal.inference.transformers_backend",
        "transformers_states": "raycal.inference.hidden_states",
        "openai": "raycal.inference.openai_backend",
        "simulated": "raycal.testing.simulated_engine",
        "simulated_states": "raycal.testing.simulated_engine",
    },
)


class CapabilityError(RaycalError, ValueError):
    """A backend cannot do what is wanted of it; the message names who wants it."""


def text_backend(config: ModelConfig) -> type[TextBackend]:
    """The class that answers. Raises UnknownNameError, PluginError and CapabilityError."""
    backend: type[TextBackend] = BACKENDS.get(config.backend)
    check_capability(config, Capability.GENERATE, "an experiment")
    return backend


def states_backend(config: ModelConfig) -> type[StatesBackend]:
    """The class that reads a model's hidden states. Raises as `text_backend` does."""
    backend: type[Backend] = BACKENDS.get(config.backend)
    if backend.states_backend is None:
        raise CapabilityError(_sentence(config, Capability.STATES, "a method"))
    states: type[StatesBackend] = BACKENDS.get(backend.states_backend)
    return states


def engine_for(backend: type[Backend], config: EngineConfig) -> EngineConfig:
    """The engine's settings as a backend takes them: a client computes nothing, and any core will do for it."""
    return config if backend.needs_device else config.model_copy(update={"device": Device.CPU, "tensor_parallel": 1})


def check_capability(config: ModelConfig, capability: Capability, wanted_by: str) -> None:
    """Raise CapabilityError where a model's backend cannot do what somebody wants of it.

    wanted_by: who, as the sentence names it.
    """
    backend: type[Backend] = BACKENDS.get(config.backend)
    can = backend.capabilities(config)
    if capability is Capability.STATES:
        can = can if backend.states_backend is None else can | {Capability.STATES}
    if capability not in can:
        raise CapabilityError(_sentence(config, capability, wanted_by))


def _sentence(config: ModelConfig, capability: Capability, wanted_by: str) -> str:
    return (
        f"{wanted_by} needs {capability}, which the backend {config.backend} does not have of {config.path}: take it "
        "out, or ask the model through another backend"
    )
