"""Tasks for replicas: what is done with one row of work, and the columns that all results have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from raycal.inference.backend import B_contra, GenerationError, TextBackend, Usage
from raycal.models.prompts import Conversation, TwoChoices
from raycal.store.schemas import Table
from raycal.store.store import Store

_LARGEST_EXPONENT = 700.0  # that a float has room for

Row = dict[str, Any]
TableRows = dict[Table, list[Row]]


class Task(Protocol[B_contra]):
    """What is done with one row of work; it travels to the replicas, and so must be picklable."""

    @property
    def partitions(self) -> Mapping[Table, str]:
        """The tables that the results go to, in the order of writing, with the partition of each."""
        ...

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """The part of a batch that no earlier attempt at the same batch has finished; what failed is to do again."""
        ...

    async def ask(self, engine: B_contra, row: Row) -> TableRows:
        """The results of one row of work; a failure is a row with an error, never an exception."""
        ...


@dataclass(frozen=True)
class BatchReport:
    """What has been done since the last report."""

    questions: int
    failed: int
    prompt_tokens: int
    generated_tokens: int
    incidents: Sequence[str] = ()  # what went wrong around the questions and was got over
    phase: str = ""  # what is done now, where nothing else is reported

    @classmethod
    def entering(cls, phase: str) -> BatchReport:
        """The report that a phase begins, such as the start of the engines."""
        return cls(questions=0, failed=0, prompt_tokens=0, generated_tokens=0, phase=phase)


async def probability_of_yes(engine: TextBackend, asked: Conversation, prompt: TwoChoices) -> tuple[float, Usage]:
    """The softmax over the two choices of a prompt. asked: the conversation that puts it.

    Raises GenerationError, for log-probabilities that are no numbers too.
    """
    (no, yes), usage = await engine.next_token_logprobs(asked, (prompt.no, prompt.yes))
    odds = no - yes
    if math.isnan(odds):
        raise GenerationError(f"the model gives {prompt.no!r} and {prompt.yes!r} the log-probabilities {no} and {yes}")
    return 1 / (1 + math.exp(odds)) if odds < _LARGEST_EXPONENT else 0.0, usage


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
