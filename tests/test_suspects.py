"""A question that ends its engine every time costs itself alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raycal.cluster import disconnect
from raycal.config import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.engine import EngineDiedError, GenerationError, Usage
from raycal.fanout import Row, Rows, cost_columns, failed_columns, run_fanout, unless_written
from raycal.models import Model
from raycal.schemas import Table
from raycal.store import Store
from raycal.suspects import Suspects, Suspicion, Turns

_ENGINE = """
import sys
for line in sys.stdin:
    if "poison" in line:
        sys.exit(1)
    print(line, end="", flush=True)
"""


class ProcessEngine:
    """In place of vLLM: a process that answers whatever it is asked, and ends over some questions."""

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._turn = asyncio.Lock()

    async def echo(self, text: str) -> str:
        await asyncio.sleep(0.05)
        async with self._turn:
            reply = await asyncio.to_thread(self._exchange, text)
        if not reply:
            raise EngineDiedError("the process ended")
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
    """Writes what the engine says as the reason of a grade."""

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
        return {Table.GRADES: [identity | {"reason": reply} | cost_columns(Usage(1, 1))]}


@pytest.fixture
def ray_of_its_own() -> Iterator[None]:
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
    yield
    disconnect()


@pytest.mark.engine
@pytest.mark.usefixtures("ray_of_its_own")
def test_a_poisoned_question_is_an_error_row_and_all_others_are_answered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [
        {"key": f"k{i}", "question_id": f"q{i}", "text": "poison" if i in (5, 17) else f"text {i}"} for i in range(24)
    ]

    def work() -> Any:
        import ray.data

        return ray.data.from_items(rows)

    config = EngineConfig(batch_size=4, batches_in_flight=2)
    progress = list(run_fanout(work, Echo(), ModelConfig(), config, store, backend=ProcessEngine))
    assert sum(one.questions for one in progress) == len(rows)
    assert sum(one.failed for one in progress) == 2
    found = {row["key"]: row for row in store.rows("SELECT * FROM grades")}
    assert {key for key, row in found.items() if row["error"]} == {"k5", "k17"}
    assert "the engine ended twice over it" in found["k5"]["error"]
    for row in rows:
        if row["text"] != "poison":
            assert found[row["key"]]["reason"] == row["text"]
    assert not list((tmp_path / "suspects").glob("*/*")), "the next run may ask again"


def test_the_worst_that_is_noted_of_a_question_counts_until_it_is_taken_back(tmp_path: Path) -> None:
    suspects = Suspects(tmp_path / "some")
    assert suspects.read() == {}
    suspects.note(["a", "b"], Suspicion.SUSPECT)
    suspects.note(["b"], Suspicion.GUILTY)
    suspects.note(["b"], Suspicion.SUSPECT)
    assert Suspects(tmp_path / "some").read() == {"a": Suspicion.SUSPECT, "b": Suspicion.GUILTY}
    suspects.clear(["b", "never noted"])
    assert suspects.read() == {"a": Suspicion.SUSPECT}


def test_who_is_alone_has_nobody_beside_and_nobody_waits_for_ever() -> None:
    async def all_of_them() -> int:
        turns, beside, alone, most = Turns(), 0, 0, 0

        async def ask(by_itself: bool) -> None:
            nonlocal beside, alone, most
            async with turns.alone() if by_itself else turns.beside_others():
                alone, beside = alone + by_itself, beside + (not by_itself)
                most = max(most, beside)
                assert alone == 0 or (alone == 1 and beside == 0)
                await asyncio.sleep(0.001)
                alone, beside = alone - by_itself, beside - (not by_itself)

        await asyncio.wait_for(asyncio.gather(*(ask(i % 5 == 0) for i in range(40))), timeout=10)
        return most

    assert asyncio.run(all_of_them()) > 1
