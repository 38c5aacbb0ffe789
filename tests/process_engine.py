"""A process in place of vLLM, for tests of what is around an engine: it echoes, and ends over some questions."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from raycal.asker import Row, Rows, cost_columns, failed_columns, unless_written
from raycal.cluster import connect, disconnect
from raycal.config import Device, EngineConfig, PromptStyle
from raycal.engine import EngineDiedError, GenerationError, Usage
from raycal.models import Model
from raycal.schemas import Table
from raycal.store import Store

_ENGINE = """
import sys
for line in sys.stdin:
    if "poison" in line:
        sys.exit(1)
    print(line, end="", flush=True)
"""


class ProcessEngine:
    """In place of vLLM: a process that echoes what it is asked, some of it slowly, and ends over some questions."""

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._turn = asyncio.Lock()

    async def echo(self, text: str) -> str:
        await asyncio.sleep(1 if text.startswith("slow") else 0.05)
        async with self._turn:
            reply = await asyncio.to_thread(self._exchange, text)
        if not reply:
            raise EngineDiedError("the process ended")
        if reply == "fail":
            raise GenerationError("as it was asked to")
        return reply

    def _exchange(self, text: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        try:
            print(text, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            return ""
        return self._process.stdout.readline().strip()

    def busy_seconds(self) -> float:
        return 0.0

    def close(self) -> None:
        self._process.kill()


@dataclass(frozen=True)
class Echo:
    """Writes what the engine says as the reason of a grade, and the node that it is on as what was extracted."""

    partition: str = "some"

    @property
    def partitions(self) -> Mapping[Table, str]:
        return {Table.GRADES: self.partition}

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        return unless_written(Table.GRADES, self.partition, work, store)

    async def ask(self, engine: ProcessEngine, row: Row) -> Rows:
        identity = {name: row[name] for name in ("key", "question_id")} | {"grader": "echo"}
        try:
            reply = await engine.echo(row["text"])
        except GenerationError as error:
            return {Table.GRADES: [identity | failed_columns(str(error))]}
        node = ray.get_runtime_context().get_node_id()
        return {Table.GRADES: [identity | {"reason": reply, "extracted": node} | cost_columns(Usage(1, 1))]}


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
