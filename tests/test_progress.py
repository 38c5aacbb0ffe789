"""What a user sees of a stage that works: how far it is, how fast, and for how long still."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from raycal.cli import progress as progress_module
from raycal.cli.events import EventPrinter
from raycal.cli.progress import ProgressDisplay
from raycal.events import StageProgress, ignore_event
from raycal.inference.tasks import BatchReport
from raycal.stages.activity import activity
from raycal.stages.progress import Speed, emit_progress


def report(questions: int = 1, tokens: int = 1, incidents: tuple[str, ...] = (), failed: int = 0) -> BatchReport:
    return BatchReport(questions, failed, prompt_tokens=0, generated_tokens=tokens, incidents=incidents)


def log_of(reports: list[BatchReport], total: int) -> list[str]:
    log = io.StringIO()
    emit_progress(reports, total, "elicit", EventPrinter(Console(file=log, width=40)))
    return log.getvalue().splitlines()


def speed_after(*batches: tuple[int, int, float], total: int = 50) -> str:
    """What is said after batches of questions and tokens that were reported at these seconds."""
    speed = Speed(total)
    for questions, tokens, now in batches:
        speed.add(questions, tokens, now)
    return str(speed)


def test_questions_that_take_tokens_have_their_speed_in_generated_tokens() -> None:
    assert speed_after((10, 400, 100.0), (10, 400, 120.0)) == "20 generated tokens/s, 60 s left"


@pytest.mark.parametrize("tokens", [0, 10])
def test_where_a_question_takes_one_token_or_none_the_speed_is_in_questions(tokens: int) -> None:
    assert speed_after((10, tokens, 100.0), (10, tokens, 120.0)) == "0.5 questions/s, 60 s left"


def test_the_start_of_the_engine_does_not_count() -> None:
    """The first report says no more than that the engine is up."""
    assert speed_after((10, 400, 100.0)) == ""
    late = speed_after((10, 400, 1000.0), (10, 400, 1020.0))
    assert late == speed_after((10, 400, 0.0), (10, 400, 20.0))


def test_batches_that_are_reported_at_once_have_no_speed() -> None:
    assert speed_after((10, 400, 100.0), (10, 400, 100.001)) == ""


def test_a_log_has_each_phase_once_and_ends_with_the_end() -> None:
    starting = [BatchReport.entering("connecting to Ray"), *[BatchReport.entering("starting 1 replica")] * 2]
    lines = log_of([*starting, report(10), report(30)], total=40)
    assert lines == ["elicit: connecting to Ray", "elicit: starting 1 replica", "elicit: 40/40 questions"]


def test_the_failed_questions_are_counted() -> None:
    assert emit_progress([report(2, failed=1), report(3, failed=2)], 5, "elicit", ignore_event) == 3


def test_what_was_got_over_is_said_at_the_end() -> None:
    faults = [("an engine died",), (), ("the storage [s3] was away", "an engine died")]
    *_, engine, storage = log_of([report(incidents=incidents) for incidents in faults], total=3)
    assert engine == "elicit: an engine died (2 times)"
    assert storage == "elicit: the storage [s3] was away"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that has a line at every beat."""
    monkeypatch.setattr(progress_module, "LINE_EVERY_S", 0.0)


@pytest.mark.usefixtures("impatient")
def test_a_log_hears_of_what_takes_long() -> None:
    log = io.StringIO()
    shown = ProgressDisplay(Console(file=log), StageProgress("score", "zero_shot"))
    shown.beat()
    assert log.getvalue() == "score: zero_shot, 0 s\n"


@pytest.mark.usefixtures("impatient")
def test_a_beat_repeats_how_far_it_is() -> None:
    log = io.StringIO()
    shown = ProgressDisplay(Console(file=log), StageProgress("fine-tune", "starting"))
    shown.update(StageProgress("fine-tune", "starting", 12, 76, "steps", "calibration loss 0.5"))
    shown.beat()
    assert log.getvalue().splitlines() == ["fine-tune: 12/76 steps, calibration loss 0.5"] * 2


def test_what_is_over_at_once_says_nothing_in_a_log() -> None:
    log = io.StringIO()
    with activity(EventPrinter(Console(file=log)), "score", "zero_shot"):
        pass
    assert log.getvalue() == ""


def test_an_error_leaves_no_thread_behind() -> None:
    import threading

    def failing() -> Iterator[BatchReport]:
        yield report()
        raise ValueError("no more")

    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="no more"):
        emit_progress(failing(), 3, "elicit", EventPrinter(Console(file=io.StringIO())))
    assert set(threading.enumerate()) == before


def test_a_terminal_has_a_bar_with_the_count() -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120)
    reports = [BatchReport.entering("starting 1 replica"), report(2), report(1)]
    emit_progress(reports, 3, "elicit", EventPrinter(terminal))
    assert "elicit: 3/3 questions" in screen.getvalue()
