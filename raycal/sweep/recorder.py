"""The recorder of trials: a row of TRIALS as soon as each ends, and a live table in the terminal."""

from __future__ import annotations

import json
import logging
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ray.exceptions import RayActorError
from ray.tune import Callback, Stopper
from rich.console import Console
from rich.live import Live
from rich.table import Table as RichTable
from rich.text import Text

from raycal.methods.base import METHOD
from raycal.store.keys import digest
from raycal.store.schemas import Table
from raycal.store.store import Store
from raycal.sweep.study import CONFIG, ENTRY, FINISHED, NUMBER, RUN
from raycal.text.normalize import last_line, short_numbers

_SHOWN = 20  # trials in the live table, the latest
_FAILURES = 5  # failed trials without a finished one among them, after which the sweep is given up


class Recorder(Callback, Stopper):  # type: ignore[misc]
    """Ray Tune's callback that keeps the trials, and its stopper for a sweep in which nothing succeeds."""

    def __init__(
        self,
        store: Store,
        sweep: str,
        objectives: Sequence[str],
        trials: int,
        console: Console,
        *,
        keep_study: Callable[[], None],
        keeps_lost: bool,
    ) -> None:
        self.lost: list[int] = []  # trials that ended with their process, or its node, and are not kept
        self._keeps_lost = keeps_lost
        self._store, self._sweep, self._objectives = store, sweep, objectives
        self._left, self._console, self._keep_study = trials, console, keep_study
        self._rows: dict[int, dict[str, Any]] = {}
        self._started: dict[int, float] = {}
        self._live: Live | None = None

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        """See tune.Callback."""
        self._started[trial.config[NUMBER]] = time.monotonic()
        self._keep_study()
        self._show(trial, {"state": "running"})

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **_: Any) -> None:
        """See tune.Callback."""
        self._show(trial, {"state": "running", "objectives": self._values(result)})

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        """See tune.Callback."""
        result = trial.last_result or {}
        state = "finished" if result.get(FINISHED) else "stopped"
        self._keep(trial, {"state": state, "run": result.get(RUN), "objectives": self._values(result)})

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        """See tune.Callback."""
        # Ray Tune's own ways to it look into the storage, where it comes later.
        told = Path(trial.error_file).read_text().strip() if trial.error_file else "Ray Tune does not say why"
        error = Text.from_ansi(told).plain  # Ray colours it
        if self._keeps_lost or not _is_lost(trial):
            self._keep(trial, {"state": "failed", "error": error})
            return
        self.lost.append(trial.config[NUMBER])
        self._show(trial, {"state": "lost"})
        said = f"sweep: trial {trial.config[NUMBER]}: its process was lost, it is run again later: {last_line(error)}"
        self._console.print(said, highlight=False, markup=False)

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """See tune.Stopper: no trial is stopped by its result."""
        return False

    def stop_all(self) -> bool:
        """See tune.Stopper: whether the first trials have all failed."""
        return self.all_failed is not None

    @property
    def all_failed(self) -> str | None:
        """The last error, where there are several failed trials, or as many as there are in all, and no other."""
        ended = [row for row in self._rows.values() if row["state"] != "running"]
        if not ended or any(row["state"] != "failed" for row in ended):
            return None
        return str(ended[-1]["error"]) if len(ended) >= min(_FAILURES, self._left) else None

    def __enter__(self) -> Recorder:
        # Ray Tune hands copies of its callbacks to nobody, but writes them down: a screen cannot be.
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=2)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_live": None, "_console": None}

    def _keep(self, trial: Any, found: dict[str, Any]) -> None:
        number, method = trial.config[NUMBER], METHOD.validate_json(trial.config[CONFIG])
        row = {
            "key": digest(self._sweep, number),
            "sweep": self._sweep,
            "number": number,
            "entry": trial.config[ENTRY],
            "method": method.label,
            "config": trial.config[CONFIG],
            "seconds": time.monotonic() - self._started[number] if number in self._started else None,
            **found,
        }
        self._keep_study()  # before the row, as no trial may have one that the study does not know
        self._store.write(Table.TRIALS, self._sweep, [row | {"objectives": json.dumps(row.get("objectives", {}))}])
        self._show(trial, found)
        if not self._live:
            said = ", ".join(f"{name} {value:.3f}" for name, value in row.get("objectives", {}).items())
            ended = last_line(found.get("error", "")) or said
            said = f"sweep: trial {number}, {short_numbers(method.label)}: {found['state']}, {ended}"
            self._console.print(said, highlight=False, markup=False)

    def _show(self, trial: Any, found: dict[str, Any]) -> None:
        method = METHOD.validate_json(trial.config[CONFIG])
        self._rows[trial.config[NUMBER]] = {"method": short_numbers(method.label), "objectives": {}} | found
        if self._live:
            self._live.update(self._table())

    def _table(self) -> RichTable:
        table = RichTable("trial", "method", "state", *self._objectives, title=self._sweep)
        for number, row in sorted(self._rows.items())[-_SHOWN:]:
            values = row.get("objectives") or {}
            shown = (f"{values[one]:.3f}" if one in values else "" for one in self._objectives)
            table.add_row(str(number), row["method"], row["state"], *shown)
        return table

    def _values(self, result: dict[str, Any]) -> dict[str, float]:
        return {one: result[one] for one in self._objectives if result.get(one) is not None}


def _is_lost(trial: Any) -> bool:
    """Whether a trial's process ended, alone or with its node, rather than its code failed."""
    if trial.pickled_error_file is None:
        return False
    error = pickle.loads(Path(trial.pickled_error_file).read_bytes())  # noqa: S301  (this process has written it)
    return isinstance(error, RayActorError)


logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what fails is said, and kept, by the recorder
