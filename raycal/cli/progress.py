"""Progress on a console: a bar that moves at a terminal, a line every few seconds in a log."""

from __future__ import annotations

import threading
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from raycal.events import StageProgress

LINE_EVERY_S = 8.0  # in a log; a person is to hear something every ten seconds, on a busy machine too
_LOOK_EVERY_S = 1.0


class ProgressDisplay:
    """Shows one activity from its first event on. A log hears of it once it has taken some seconds, or a phase begins.

    The first event's phase stands in a log only where the activity takes long.
    """

    def __init__(self, console: Console, first: StageProgress) -> None:
        self._console, self._state = console, first
        self._started = self._last_line = time.monotonic()
        self._printed = ""
        self._lock = threading.Lock()  # of lines: those of the beat, and those of events
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="progress", daemon=True)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=first.total is None,
        )
        self._task = self._bar.add_task(first.stage, total=first.total)

    def start(self) -> None:
        """Keep moving until `stop`, between events too."""
        self._bar.start()
        if not self._console.is_terminal:
            self._watcher.start()

    def stop(self) -> None:
        """Move no more."""
        self._ended.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._bar.stop()

    def update(self, state: StageProgress) -> None:
        """Show another state: at once where a phase begins or everything is done."""
        begins = state.phase != self._state.phase
        self._state = state
        self._show(at_once=begins or (state.total is not None and state.done >= state.total))

    def beat(self) -> None:
        """Print a line where a log has not had one for long."""
        self._show(at_once=False)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            self.beat()

    def _show(self, *, at_once: bool) -> None:
        state = self._state
        counted = f"{state.done}/{state.total} {state.unit}" if state.total and state.done else state.phase
        text = ", ".join(filter(None, [counted, state.note]))
        with self._lock:
            if self._console.is_terminal:
                self._bar.update(self._task, description=f"{state.stage}: {text}", completed=state.done)
                return
            now = time.monotonic()
            if not at_once and now - self._last_line < LINE_EVERY_S:
                return
            if at_once and text == self._printed:
                return
            elapsed = f", {now - self._started:.0f} s" if not at_once and counted == state.phase else ""
            self._console.print(f"{state.stage}: {text}{elapsed}", highlight=False, markup=False, soft_wrap=True)
            self._last_line, self._printed = now, text
