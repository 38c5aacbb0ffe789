"""Trials of a sweep on a console: a live table at a terminal, a line for each that ends in a log."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from raycal.events import TrialChanged
from raycal.text.normalize import last_line, short_numbers

_SHOWN = 20  # trials in the live table, the latest


class TrialsDisplay:
    """Shows a sweep's trials as they change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._latest: dict[int, TrialChanged] = {}
        self._live = Live(console=console, refresh_per_second=2)

    def update(self, trial: TrialChanged) -> None:
        """Show a trial's new state."""
        self._latest[trial.number] = trial
        if self._console.is_terminal:
            self._live.start()
            self._live.update(self._table(trial))
        if trial.state == "lost":
            reason = last_line(trial.error)
            self._print(f"sweep: trial {trial.number}: its process was lost, it is run again later: {reason}")
        elif trial.state != "running" and not self._console.is_terminal:
            values = (f"{name} {value:.3f}" for name, value in trial.objectives.items() if value is not None)
            outcome = last_line(trial.error) or ", ".join(values)
            self._print(f"sweep: trial {trial.number}, {short_numbers(trial.method)}: {trial.state}, {outcome}")

    def stop(self) -> None:
        """Leave the table as it is."""
        self._live.stop()

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)

    def _table(self, latest: TrialChanged) -> Table:
        table = Table("trial", "method", "state", *latest.objectives, title=escape(latest.sweep))
        for number, trial in sorted(self._latest.items())[-_SHOWN:]:
            values = ("" if value is None else f"{value:.3f}" for value in trial.objectives.values())
            table.add_row(str(number), escape(short_numbers(trial.method)), trial.state, *values)
        return table
