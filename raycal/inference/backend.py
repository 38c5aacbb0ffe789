"""Protocols of backends, and what they return and raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.errors import RaycalError
from raycal.models.find import Model
from raycal.models.prompts import Conversation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class GenerationError(RaycalError, RuntimeError):
    """One request failed, for the reason given; the engine lives on."""


class EngineStartError(RaycalError, RuntimeError):
    """The engine did not come up; the message says why."""


class EngineDiedError(RaycalError, RuntimeError):
    """The engine is gone, and with it all requests that were in flight."""


@dataclass(frozen=True)
class Generation:
    """One generated text."""

    text: str
    logprobs: tuple[float, ...]  # natural, of the tokens that were sampled, before temperature and top-p
    finish_reason: str  # "stop": complete; "length": truncated


@dataclass(frozen=True)
class Usage:
    """Tokens that one request cost."""

    prompt_tokens: int
    generated_tokens: int


class Capability(StrEnum):
    """What a backend can do with a model."""

    GENERATE = "generations"
    LOGPROBS = "log-probabilities of what it generates"
    NEXT_TOKEN = "log-probabilities of the next token"  # noqa: S105 - no password
    STATES = "hidden states"


class Backend(Protocol):
    """What a replica holds: a vLLM engine, a model in transformers, or a client of an endpoint.

    needs_device: whether it computes on the replica's processor or GPU. states_backend: the name of the backend that
    reads hidden states of the same model, None where none can.
    """

    needs_device: ClassVar[bool]
    states_backend: ClassVar[str | None]

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        """What it can do with a model, known before anything starts."""
        ...

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None: ...

    def busy_seconds(self) -> float:
        """Seconds so far in which it had something to do."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class TextBackend(Backend, Protocol):
    """A backend that continues conversations; both methods raise GenerationError and EngineDiedError."""

    async def generate(
        self,
        conversation: Conversation,
        *,
        max_tokens: int,
        n: int = 1,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> tuple[list[Generation], Usage]:
        """Sample n continuations, the i-th with seed + i."""
        ...

    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """Natural log-probabilities that the next token is the last token of each text."""
        ...


class StatesBackend(Backend, Protocol):
    """A backend that reads hidden states."""

    tokenizer: Any
    style: PromptStyle

    async def last_token_states(self, tokens: list[int]) -> NDArray[np.float32]:
        """(layers + 1, width): the last token's states, of the embeddings and of every layer."""
        ...


def check_length(prompt_tokens: int, new_tokens: int, most: int) -> None:
    """Raise GenerationError where a prompt and what is to be generated do not fit into a model's context."""
    if prompt_tokens + new_tokens > most:
        raise GenerationError(
            f"the prompt of {prompt_tokens} tokens and {new_tokens} new ones are more than "
            f"engine.max_model_len = {most}"
        )


B = TypeVar("B", bound=Backend)
B_contra = TypeVar("B_contra", bound=Backend, contravariant=True)
