"""Events: what stages report to a listener, what becomes of its errors, and the lines of the command line."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from made_up_store import make_run
from rich.console import Console

from raycal.cli.events import EventPrinter
from raycal.events import (
    Event,
    StageEnded,
    StageProgress,
    StageResult,
    StageStarted,
    StageWarning,
    TrialChanged,
    log_event,
)
from raycal.finetuning.job import FinetuneJob
from raycal.finetuning.status import TrainingStatus
from raycal.stages import finetune
from raycal.stages.pipeline import grade_stage

OBJECTIVES: dict[str, float | None] = {"ece": None, "brier": None}


def test_a_stage_reports_its_start_progress_result_and_end(tmp_path: Path) -> None:
    _, run = make_run(tmp_path, 20)
    events: list[Event] = []
    grade_stage(run, events.append)
    start, *progress, result, end = events
    assert (start, end) == (StageStarted("grade"), StageEnded("grade"))
    assert [(event.phase, event.ended) for event in progress if isinstance(event, StageProgress)] == [
        ("match", False),
        ("match", True),
    ]
    assert isinstance(result, StageResult)
    assert result.data["grader"] == "match"
    assert str(result) == f"grade: {result.data['graded']} answers by match"


def test_a_listeners_error_ends_the_stage_which_says_so(tmp_path: Path) -> None:
    _, run = make_run(tmp_path, 20)
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if event == StageProgress("grade", "match"):
            raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        grade_stage(run, listen)
    assert events[-1] == StageEnded("grade")


def test_an_error_of_a_listener_to_a_training_is_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A thread of its own follows the training."""
    monkeypatch.setattr(TrainingStatus, "read", lambda _: TrainingStatus("training", 3))
    monkeypatch.setattr(finetune, "_last_evaluation", lambda _: None)
    job = SimpleNamespace(trainer=SimpleNamespace(workers=1), device="cpu", checkpoints=tmp_path)

    def listen(event: Event) -> None:
        if isinstance(event, StageProgress) and event.phase == "training" and not event.ended:
            raise LookupError("no such thing")

    with (
        pytest.raises(LookupError, match="no such thing"),
        finetune._followed(cast(FinetuneJob, job), 10, "float32", listen),
    ):
        pass


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (StageWarning("elicit", "an engine died"), logging.WARNING),
        (StageResult("score", "3 answers by sampling"), logging.INFO),
        (StageProgress("score", "sampling"), None),
    ],
)
def test_without_a_listener_warnings_and_results_are_logged(
    event: Event, level: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "raycal.events"):
        log_event(event)
    assert caplog.record_tuples == ([("raycal.events", level, str(event))] if level else [])


def trial(number: int, state: Any, error: str = "", **objectives: float) -> TrialChanged:
    return TrialChanged("nq-1", number, "recalibrated[x]", state, OBJECTIVES | objectives, error)


TRIALS = [
    trial(0, "running"),
    trial(1, "running", ece=0.5),
    trial(1, "finished", ece=0.25, brier=0.125),
    trial(0, "lost", "Traceback:\nActorDiedError: gone"),
    trial(2, "failed", "Traceback:\nValueError: no"),
]
EVENTS: list[Event] = [StageStarted("sweep"), *TRIALS, StageEnded("sweep")]


def test_a_log_has_a_line_for_each_trial_that_ends() -> None:
    log = io.StringIO()
    show = EventPrinter(Console(file=log, width=120))
    for event in EVENTS:
        show(event)
    assert log.getvalue().splitlines() == [
        "sweep: trial 1, recalibrated[x]: finished, ece 0.250, brier 0.125",
        "sweep: trial 0: its process was lost, it is run again later: ActorDiedError: gone",
        "sweep: trial 2, recalibrated[x]: failed, ValueError: no",
    ]


def test_a_terminal_has_a_table_of_the_trials() -> None:
    screen = io.StringIO()
    show = EventPrinter(Console(file=screen, force_terminal=True, width=120))
    for event in EVENTS:
        show(event)
    last = screen.getvalue().split("nq-1")[-1]
    rows = [line for line in last.splitlines() if "recalibrated[x]" in line]
    assert [[cell.strip() for cell in row.split("│")[1:-1]] for row in rows] == [
        ["0", "recalibrated[x]", "lost", "", ""],
        ["1", "recalibrated[x]", "finished", "0.250", "0.125"],
        ["2", "recalibrated[x]", "failed", "", ""],
    ]
