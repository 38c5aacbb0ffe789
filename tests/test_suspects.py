"""What is known of questions that were in flight when an engine ended, and who is asked beside whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

from raycal.inference.faults import CrashLog, ExclusiveTurns, Suspicion


def test_the_worst_that_is_noted_of_a_question_counts_until_it_is_taken_back(tmp_path: Path) -> None:
    suspects = CrashLog(tmp_path / "some")
    assert suspects.read() == {}
    suspects.note(["a", "b"], Suspicion.SUSPECT)
    suspects.note(["b"], Suspicion.GUILTY)
    suspects.note(["b"], Suspicion.SUSPECT)
    assert CrashLog(tmp_path / "some").read() == {"a": Suspicion.SUSPECT, "b": Suspicion.GUILTY}
    suspects.clear(["b", "never noted"])
    assert suspects.read() == {"a": Suspicion.SUSPECT}


def test_who_is_alone_has_nobody_beside_and_nobody_waits_for_ever() -> None:
    async def all_of_them() -> int:
        turns, beside, alone, most = ExclusiveTurns(), 0, 0, 0

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
