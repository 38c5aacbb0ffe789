"""The lines of a plan, and how fast each is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from raycal.store.schemas import Table
from raycal.store.store import Store


@dataclass(frozen=True)
class Throughput:
    """How many tokens, of prompts and generated ones together, one engine or worker gets through in a second."""

    tokens_a_second: float
    stated: bool  # by the user; else it is that of the store's own rows


@dataclass(frozen=True)
class PlanLine:
    """One kind of request, or one training. Tokens are those of what is left."""

    stage: str
    questions: int  # that it is about
    rows: int  # that it makes in all: answers, samples, replies, steps
    there: int  # how many of them are in the store
    requests: int  # left to make; all samples of a question are one, and a step of a training is
    prompt_tokens: int  # those that pass through the model once, where it is a training
    generated_tokens: int
    is_bound: bool = True  # whether fewer may be generated; else that is expected
    rate: Throughput | None = None
    gpus: float | None = None  # of an engine or worker; None where it is not known whether it has any
    is_training: bool = False

    @property
    def tokens(self) -> int:
        """Prompt and generated tokens."""
        return self.prompt_tokens + self.generated_tokens

    @property
    def hours(self) -> float | None:
        """Hours of one engine or worker; None without a rate."""
        if not self.tokens:
            return 0.0
        return self.tokens / self.rate.tokens_a_second / 3600 if self.rate else None

    @property
    def gpu_hours(self) -> float | None:
        """Hours of one GPU; None without a rate, or where it is not known whether there are GPUs."""
        return None if self.hours is None or self.gpus is None else self.hours * self.gpus

    def to_dict(self) -> dict[str, Any]:
        """The line as plain data."""
        return asdict(self) | {"hours": self.hours, "gpu_hours": self.gpu_hours}


@dataclass(frozen=True)
class Plan:
    """What is to be done, on what, and what the numbers rest on."""

    title: str
    lines: tuple[PlanLine, ...]
    needs: tuple[str, ...]
    assumptions: tuple[str, ...]
    bad_rows: int = 0  # of the sources, which became no questions

    @property
    def requests(self) -> int:
        """Requests and steps that are left."""
        return sum(line.requests for line in self.lines)

    @property
    def prompt_tokens(self) -> int:
        """Prompt tokens of all that is left."""
        return sum(line.prompt_tokens for line in self.lines)

    @property
    def generated_tokens(self) -> int:
        """Generated tokens of all that is left."""
        return sum(line.generated_tokens for line in self.lines)

    @property
    def hours(self) -> float:
        """Hours of engines and workers, of the lines that have a rate."""
        return sum(line.hours or 0 for line in self.lines)

    @property
    def gpu_hours(self) -> float:
        """Hours of GPUs, of the lines that have a rate and are known to run on GPUs."""
        return sum(line.gpu_hours or 0 for line in self.lines)

    @property
    def without_rate(self) -> tuple[str, ...]:
        """The stages whose hours are not known."""
        return tuple(line.stage for line in self.lines if line.hours is None)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data."""
        names = ("requests", "prompt_tokens", "generated_tokens", "hours", "gpu_hours", "without_rate")
        return {
            "plan": self.title,
            "bad_rows": self.bad_rows,
            "lines": [line.to_dict() for line in self.lines],
            "total": {name: getattr(self, name) for name in names},
            "needs": list(self.needs),
            "assumptions": list(self.assumptions),
        }


@dataclass(frozen=True)
class Rates:
    """What the user states: tokens a second, prompt and generated ones together."""

    engine: float | None = None  # of one engine replica
    worker: float | None = None  # of one training worker


@dataclass(frozen=True)
class Measured:
    """What the rows of a partition tell; None where they do not."""

    generated: float | None = None  # tokens, a mean over the rows without an error
    tokens_a_second: float | None = None  # of the engine that made them


def measured(store: Store, table: Table, partition: str, query: str | None = None) -> Measured:
    """What the rows of a partition tell: of one kind of query, where it is QUERIES and one is named."""
    where, parameters = ("WHERE query = ?", [query]) if query else ("", [])
    (row,) = store.rows(
        "SELECT avg(generated_tokens) FILTER (WHERE error IS NULL) AS generated, "
        f"sum(prompt_tokens + generated_tokens) / nullif(sum(engine_seconds), 0) AS rate FROM {table} {where}",
        parameters,
        shards={table: store.shards(table, partition)},
    )
    return Measured(row["generated"], row["rate"] or None)


def choose_rate(stated: float | None, found: Measured) -> Throughput | None:
    """The user's word, or what was measured, or none."""
    if stated is not None:
        return Throughput(stated, stated=True)
    return None if found.tokens_a_second is None else Throughput(found.tokens_a_second, stated=False)
