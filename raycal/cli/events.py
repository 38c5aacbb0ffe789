"""The events of a run on a console."""

from __future__ import annotations

from rich.console import Console

from raycal.cli.progress import ProgressDisplay
from raycal.cli.terminal import Terminal
from raycal.cli.trials import TrialsDisplay
from raycal.events import Event, StageEnded, StageProgress, StageResult, StageWarning, TrialChanged


class EventPrinter:
    """Prints events as they come, to stdout without a console; one activity or sweep is shown at a time."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Terminal()
        self._progress: ProgressDisplay | None = None
        self._trials: TrialsDisplay | None = None

    def __call__(self, event: Event) -> None:
        """Print an event."""
        match event:
            case StageProgress():
                self._show_progress(event)
            case StageResult() | StageWarning():
                self._console.print(str(event), highlight=False, markup=False)
            case TrialChanged():
                self._trials = self._trials or TrialsDisplay(self._console)
                self._trials.update(event)
            case StageEnded("sweep") if self._trials:
                self._trials.stop()
                self._trials = None

    def _show_progress(self, event: StageProgress) -> None:
        if self._progress is None:
            self._progress = ProgressDisplay(self._console, event)
            self._progress.start()
        elif event.ended:
            self._progress.stop()
            self._progress = None
        else:
            self._progress.update(event)
