"""A fan-out for tests of what is around an engine: a simulated model says again what it is asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from raycal.cluster.connection import connect, disconnect
from raycal.config.engine import ModelConfig
from raycal.inference.backend import GenerationError, TextBackend
from raycal.inference.tasks import Row, TableRows, cost_columns, failed_columns, unless_written
from raycal.models.prompts import answer_prompt
from raycal.store.schemas import Table
from raycal.store.store import Store
from raycal.testing import Fact, Service, simulated_model

POISON = "a text over which the engine ends"
REFUSED = "a text that the engine refuses"
_MOST_TOKENS = 100_000


@dataclass(frozen=True)
class Echo:
    """Writes what the engine says as the reason of a grade, and the node that it is on as what was extracted."""

    partition: str = "some"

    @property
    def partitions(self) -> Mapping[Table, str]:
        return {Table.GRADES: self.partition}

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        return unless_written(Table.GRADES, self.partition, work, store)

    async def ask(self, engine: TextBackend, row: Row) -> TableRows:
        identity = {name: row[name] for name in ("key", "question_id")} | {"grader": "echo"}
        try:
            (reply,), usage = await engine.generate(answer_prompt(row["text"], (), ()), max_tokens=_MOST_TOKENS)
        except GenerationError as error:
            return {Table.GRADES: [identity | failed_columns(str(error))]}
        node = ray.get_runtime_context().get_node_id()
        return {Table.GRADES: [identity | {"reason": reply.text, "extracted": node} | cost_columns(usage)]}


def echoing(folder: Path, texts: Sequence[str], latency_s: float) -> ModelConfig:
    """A model that says some texts again, each engine of it in a process that may be killed."""
    service = Service(latency_s, own_process=True, fatal=(POISON,), refused=(REFUSED,))
    return ModelConfig(path=str(simulated_model(folder, {text: Fact(text, 1.0) for text in texts}, service)))


def echoed(texts: Sequence[str]) -> Callable[[], Any]:
    """Work for `Echo`: keys k0, k1, ... of questions q0, q1, ..."""

    def work() -> Any:
        import ray.data

        return ray.data.from_items(
            [{"key": f"k{i}", "question_id": f"q{i}", "text": text} for i, text in enumerate(texts)]
        )

    return work


@contextmanager
def ray_of_its_own() -> Iterator[None]:
    """A Ray whose workers can do what stands here."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import what belongs to tests
    connect()
    try:
        yield
    finally:
        disconnect()
