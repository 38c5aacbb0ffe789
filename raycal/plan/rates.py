"""How fast and how long: what the user states, or what the store's own rows tell."""

from __future__ import annotations

from dataclasses import dataclass

from raycal.plan.line import Rate
from raycal.schemas import Table
from raycal.store import Store


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


def choose_rate(stated: float | None, found: Measured) -> Rate | None:
    """The user's word, or what was measured, or none."""
    if stated is not None:
        return Rate(stated, stated=True)
    return None if found.tokens_a_second is None else Rate(found.tokens_a_second, stated=False)
