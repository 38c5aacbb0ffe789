"""Activities of a command: a bar that moves at a terminal, a line every few seconds in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY_S = 8.0  # in a log; a person is to hear something every ten seconds, on a busy machine too
_LOOK_EVERY_S = 1.0


class Activity:
    """Something that takes a while: its phase, and how many of its parts are done once they can be counted."""

    def __init__(self, console: Console, name: str, phase: str, total: int | None, unit: str) -> None:
        """Arguments as of `activity`."""
        self._console = console
        self._name, self._total, self._unit = name, total, unit
        self._phase, self._note, self._done = phase, "", 0
        self._started = self._last_line = time.monotonic()
        self._printed = ""
        self._lock = threading.Lock()  # of lines: those of the beat, and those of what happens
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=total is None,
        )
        self._task = self._bar.add_task(name, total=total)

    def phase(self, text: str) -> None:
        """Say what is done now, at once."""
        self._phase = text
        self._show(at_once=True)

    def reach(self, done: int, note: str = "") -> None:
        """Say how many parts are done; note: what else there is to say of them, such as their speed."""
        self._done, self._note = done, note
        self._show(at_once=self._total is not None and done >= self._total)

    def beat(self) -> None:
        """Print a line where a log has not had one for long."""
        self._show(at_once=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep moving while the block runs."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_LOOK_EVERY_S):
                self.beat()

        watcher = threading.Thread(target=watch, name="activity", daemon=True)
        with self._bar:
            if not self._console.is_terminal:
                watcher.start()
            try:
                yield
            finally:
                ended.set()
                if watcher.is_alive():
                    watcher.join()

    def _show(self, *, at_once: bool) -> None:
        counted = f"{self._done}/{self._total} {self._unit}" if self._total and self._done else self._phase
        state = ", ".join(filter(None, [counted, self._note]))
        with self._lock:
            if self._console.is_terminal:
                self._bar.update(self._task, description=f"{self._name}: {state}", completed=self._done)
                return
            now = time.monotonic()
            if not at_once and now - self._last_line < LINE_EVERY_S:
                return
            if at_once and state == self._printed:
                return
            elapsed = f", {now - self._started:.0f} s" if not at_once and counted == self._phase else ""
            self._console.print(f"{self._name}: {state}{elapsed}", highlight=False, markup=False, soft_wrap=True)
            self._last_line, self._printed = now, state


@contextmanager
def activity(
    console: Console, name: str, phase: str = "", *, total: int | None = None, unit: str = "questions"
) -> Iterator[Activity]:
    """An activity that moves while the block runs. A log hears of it once it has taken some seconds, or a phase begins.

    name: such as that of a stage. phase: what is done first, said only when it takes long. total: how many parts there
    are to do, None where they cannot be counted.
    """
    shown = Activity(console, name, phase, total, unit)
    with shown.running():
        yield shown
