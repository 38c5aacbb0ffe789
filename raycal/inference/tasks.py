"""What a fan-out asks of its engines: the protocol of who asks, and the columns that all results have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from raycal.config.engine import Device, EngineConfig, PromptStyle
from raycal.inference.vllm_backend import Generation, Usage
from raycal.models.find import Model
from raycal.models.prompts import Conversation
from raycal.store.schemas import Table
from raycal.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = dict[str, Any]
Rows = dict[Table, list[Row]]


class Backend(Protocol):
    """What a replica holds: a vLLM engine, or a model in transformers."""

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


B = TypeVar("B", bound=Backend)
B_contra = TypeVar("B_contra", bound=Backend, contravariant=True)


class Asker(Protocol[B_contra]):
    """What is done with one row of work; it travels to the replicas, and so must be picklable."""

    @property
    def partitions(self) -> Mapping[Table, str]:
        """The tables that the results go to, in the order of writing, with the partition of each."""
        ...

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """The part of a batch that no earlier attempt at the same batch has finished; what failed is to do again."""
        ...

    async def ask(self, engine: B_contra, row: Row) -> Rows:
        """The results of one row of work; a failure is a row with an error, never an exception."""
        ...


@dataclass(frozen=True)
class Progress:
    """What has been done since the last report."""

    questions: int
    failed: int
    prompt_tokens: int
    generated_tokens: int
    incidents: Sequence[str] = ()  # what went wrong around the questions and was got over
    phase: str = ""  # what is done now, where nothing else is reported

    @classmethod
    def entering(cls, phase: str) -> Progress:
        """The report that a phase begins, such as the start of the engines."""
        return cls(questions=0, failed=0, prompt_tokens=0, generated_tokens=0, phase=phase)


def cost_columns(usage: Usage) -> Row:
    """The cost columns of a generated row; the replica adds its share of the engine's seconds."""
    return {"prompt_tokens": usage.prompt_tokens, "generated_tokens": usage.generated_tokens}


def failed_columns(reason: str) -> Row:
    """The columns of a row that came to nothing."""
    return {"error": reason, **cost_columns(Usage(0, 0))}


def unless_written(table: Table, partition: str, work: list[Row], store: Store) -> list[Row]:
    """`Asker.remaining` where each row of work makes one row of one table."""
    finished = store.finished(table, partition, [f"{row['key']}:" for row in work])
    return [row for row in work if f"{row['key']}:" not in finished]
