"""What a user sees of a stage that works: how far it is, how fast, and for how long still."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from raycal import progress
from raycal.asker import Progress
from raycal.progress import show_progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the progress is told: its last entry."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[-1])
    return now


def reports(clock: list[float], *, seconds: float, questions: int, tokens: int, failed: int = 0) -> Iterator[Progress]:
    for _ in range(4):
        clock.append(clock[-1] + seconds)
        yield Progress(questions=questions, failed=failed, prompt_tokens=0, generated_tokens=tokens)


def shown(clock: list[float], total: int, **each: float) -> tuple[list[str], int]:
    told = io.StringIO()
    failed = show_progress(reports(clock, **each), total, "elicit", Console(file=told, width=200))  # type: ignore[arg-type]
    return told.getvalue().splitlines(), failed


def test_a_log_tells_questions_speed_and_time_left(clock: list[float]) -> None:
    lines, failed = shown(clock, 50, seconds=20, questions=10, tokens=400, failed=1)
    assert lines == [
        "elicit: 10/50 questions",  # nothing is known yet but that the engine is up
        "elicit: 20/50 questions, 20 tokens/s, 60 s left",
        "elicit: 30/50 questions, 20 tokens/s, 40 s left",
        "elicit: 40/50 questions, 20 tokens/s, 20 s left",
    ]
    assert failed == 4


def test_a_log_is_not_flooded_and_ends_with_the_end(clock: list[float]) -> None:
    lines, _ = shown(clock, 40, seconds=2, questions=10, tokens=10)
    assert lines == ["elicit: 40/40 questions, 5 tokens/s, 0 s left"]


def test_where_no_tokens_are_generated_questions_are_counted(clock: list[float]) -> None:
    lines, _ = shown(clock, 50, seconds=20, questions=10, tokens=0)
    assert lines[1] == "elicit: 20/50 questions, 0.5 a second, 60 s left"


def test_what_was_got_over_is_said_at_the_end() -> None:
    each = {"failed": 0, "prompt_tokens": 0, "generated_tokens": 1}
    faults = [["an engine died"], [], ["the storage [s3] was away", "an engine died"]]
    told = io.StringIO()
    reports = [Progress(questions=1, incidents=some, **each) for some in faults]
    show_progress(reports, 3, "elicit", Console(file=told, width=200))
    *_, engine, storage = told.getvalue().splitlines()
    assert engine == "elicit: an engine died (2 times)"
    assert storage == "elicit: the storage [s3] was away"
