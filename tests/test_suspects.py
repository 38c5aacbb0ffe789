"""A question that ends its engine every time costs itself alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from process_engine import Echo, ProcessEngine, echoed, ray_of_its_own

from raycal.config import EngineConfig, ModelConfig
from raycal.fanout import run_fanout
from raycal.store import Store
from raycal.suspects import Suspects, Suspicion, Turns


@pytest.mark.engine
def test_a_poisoned_question_is_an_error_row_and_all_others_are_answered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    texts = ["poison" if i in (5, 17) else f"text {i}" for i in range(24)]
    config = EngineConfig(batch_size=4, batches_in_flight=2)
    with ray_of_its_own():
        reports = run_fanout(echoed(texts), Echo(), ModelConfig(), config, store, run_id="some", backend=ProcessEngine)
        progress = list(reports)
    assert sum(one.questions for one in progress) == len(texts)
    assert sum(one.failed for one in progress) == 2
    found = {row["key"]: row for row in store.rows("SELECT * FROM grades")}
    assert {key for key, row in found.items() if row["error"]} == {"k5", "k17"}
    assert "the engine ended twice over it" in found["k5"]["error"]
    answered = {key: row["reason"] for key, row in found.items() if not row["error"]}
    assert answered == {f"k{i}": text for i, text in enumerate(texts) if text != "poison"}
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
