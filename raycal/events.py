"""Events of a run: what its stages report while they work, for whoever shows, logs or records it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_logger = logging.getLogger(__name__)

TrialState = Literal["running", "finished", "stopped", "failed", "lost"]


@dataclass(frozen=True)
class StageStarted:
    """A stage begins: elicit, grade, finetune, features, score, evaluate, report, or sweep, which runs its trials."""

    stage: str


@dataclass(frozen=True)
class StageEnded:
    """A stage has ended, with or without an error."""

    stage: str


@dataclass(frozen=True)
class StageProgress:
    """The state of a stage, or of a part of it that has a name of its own, such as a judge.

    phase: what is done now. done, total: counts of `unit`; total is None where they cannot be counted. note: what else
    is known, such as the speed. ended: whether no more of it follows.
    """

    stage: str
    phase: str = ""
    done: int = 0
    total: int | None = None
    unit: str = "questions"
    note: str = ""
    ended: bool = False


@dataclass(frozen=True)
class StageResult:
    """What a stage has to do, or has done, as a sentence; data: the same by name."""

    stage: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}"


@dataclass(frozen=True)
class StageWarning:
    """What went wrong while the stage went on, or is odd about its input."""

    stage: str
    message: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}"


@dataclass(frozen=True)
class TrialChanged:
    """The new state of a sweep's trial. A lost one, whose process died, is run again later.

    objectives: by name, None where there is no value yet. error: of a failed or lost trial.
    """

    sweep: str
    number: int
    method: str
    state: TrialState
    objectives: Mapping[str, float | None]
    error: str = ""


Event = StageStarted | StageProgress | StageResult | StageWarning | StageEnded | TrialChanged
OnEvent = Callable[[Event], None]


def log_event(event: Event) -> None:
    """Log a warning as such and a result as information, by the logger raycal.events; pass over the others."""
    match event:
        case StageWarning():
            _logger.warning("%s", event)
        case StageResult():
            _logger.info("%s", event)


def ignore_event(event: Event) -> None:
    """Do nothing."""
