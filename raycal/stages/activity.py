"""Activities of a stage: what takes a while emits its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from raycal.events import OnEvent, StageEnded, StageProgress, StageStarted

if TYPE_CHECKING:
    from raycal.experiment.run import Run

P = ParamSpec("P")
R = TypeVar("R")


def stage(
    name: str,
) -> Callable[[Callable[Concatenate[Run, OnEvent, P], R]], Callable[Concatenate[Run, OnEvent, P], R]]:
    """Have a function of a run and a listener emit that a stage starts and that it has ended."""

    def decorate(function: Callable[Concatenate[Run, OnEvent, P], R]) -> Callable[Concatenate[Run, OnEvent, P], R]:
        @wraps(function)
        def emitting(run: Run, on_event: OnEvent, /, *args: P.args, **kwargs: P.kwargs) -> R:
            on_event(StageStarted(name))
            try:
                return function(run, on_event, *args, **kwargs)
            finally:
                on_event(StageEnded(name))

        return emitting

    return decorate


class Activity:
    """Something that takes a while: its phase, and how many of its parts are done once they can be counted."""

    def __init__(self, on_event: OnEvent, state: StageProgress) -> None:
        self._on_event, self._state = on_event, state
        on_event(state)

    def phase(self, text: str) -> None:
        """Emit what is done now."""
        self._emit(replace(self._state, phase=text))

    def reach(self, done: int, note: str = "") -> None:
        """Emit how many parts are done; note: what else is known, such as their speed."""
        self._emit(replace(self._state, done=done, note=note))

    def end(self) -> None:
        """Emit that no more follows."""
        self._emit(replace(self._state, ended=True))

    def _emit(self, state: StageProgress) -> None:
        self._state = state
        self._on_event(state)


@contextmanager
def activity(
    on_event: OnEvent, name: str, phase: str = "", *, total: int | None = None, unit: str = "questions"
) -> Iterator[Activity]:
    """An activity that lasts while the block runs; arguments as of StageProgress."""
    current = Activity(on_event, StageProgress(name, phase, total=total, unit=unit))
    try:
        yield current
    finally:
        current.end()
