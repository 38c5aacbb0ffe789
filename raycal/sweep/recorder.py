"""The recorder of trials: a row of TRIALS as soon as each ends, and an event at each change."""

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

from raycal.events import OnEvent, StageEnded, StageStarted, TrialChanged, ignore_event
from raycal.methods.base import METHOD
from raycal.store.keys import digest
from raycal.store.schemas import Table
from raycal.store.store import Store
from raycal.sweep.study import CONFIG, ENTRY, FINISHED, NUMBER, RUN
from raycal.text.visible import without_colors

_FAILURES = 5  # failed trials without a finished one among them, after which the sweep is given up


class Recorder(Callback, Stopper):  # type: ignore[misc]
    """Ray Tune's callback that keeps the trials, and its stopper for a sweep in which nothing succeeds."""

    def __init__(
        self,
        store: Store,
        sweep: str,
        objectives: Sequence[str],
        trials: int,
        on_event: OnEvent,
        *,
        keep_study: Callable[[], None],
        keeps_lost: bool,
    ) -> None:
        self.lost: list[int] = []  # trials that ended with their process, or its node, and are not kept
        self._keeps_lost = keeps_lost
        self._store, self._sweep, self._objectives = store, sweep, objectives
        self._left, self._on_event, self._keep_study = trials, on_event, keep_study
        self._latest: dict[int, TrialChanged] = {}
        self._started: dict[int, float] = {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        """See tune.Callback."""
        self._started[trial.config[NUMBER]] = time.monotonic()
        self._keep_study()
        self._emit(trial, {"state": "running"})

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **_: Any) -> None:
        """See tune.Callback."""
        self._emit(trial, {"state": "running", "objectives": self._values(result)})

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        """See tune.Callback."""
        result = trial.last_result or {}
        state = "finished" if result.get(FINISHED) else "stopped"
        self._keep(trial, {"state": state, "run": result.get(RUN), "objectives": self._values(result)})

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        """See tune.Callback."""
        # Ray Tune's own ways to it look into the storage, where it comes later.
        reason = Path(trial.error_file).read_text().strip() if trial.error_file else "Ray Tune does not say why"
        error = without_colors(reason)  # which Ray adds
        if self._keeps_lost or not _is_lost(trial):
            self._keep(trial, {"state": "failed", "error": error})
            return
        self.lost.append(trial.config[NUMBER])
        self._emit(trial, {"state": "lost", "error": error})

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """See tune.Stopper: no trial is stopped by its result."""
        return False

    def stop_all(self) -> bool:
        """See tune.Stopper: whether the first trials have all failed."""
        return self.all_failed is not None

    @property
    def all_failed(self) -> str | None:
        """The last error, where there are several failed trials, or as many as there are in all, and no other."""
        ended = [change for change in self._latest.values() if change.state != "running"]
        if not ended or any(change.state != "failed" for change in ended):
            return None
        return ended[-1].error if len(ended) >= min(_FAILURES, self._left) else None

    def __enter__(self) -> Recorder:
        self._on_event(StageStarted("sweep"))
        return self

    def __exit__(self, *_: object) -> None:
        self._on_event(StageEnded("sweep"))

    def __getstate__(self) -> dict[str, Any]:
        # Ray Tune hands copies of its callbacks to nobody, but writes them down: a listener cannot be.
        return vars(self) | {"_on_event": ignore_event}

    def _keep(self, trial: Any, outcome: dict[str, Any]) -> None:
        number, method = trial.config[NUMBER], METHOD.validate_json(trial.config[CONFIG])
        row = {
            "key": digest(self._sweep, number),
            "sweep": self._sweep,
            "number": number,
            "entry": trial.config[ENTRY],
            "method": method.label,
            "config": trial.config[CONFIG],
            "seconds": time.monotonic() - self._started[number] if number in self._started else None,
            **outcome,
        }
        self._keep_study()  # before the row, as no trial may have one that the study does not know
        self._store.write(Table.TRIALS, self._sweep, [row | {"objectives": json.dumps(row.get("objectives", {}))}])
        self._emit(trial, outcome)

    def _emit(self, trial: Any, outcome: dict[str, Any]) -> None:
        number, method = trial.config[NUMBER], METHOD.validate_json(trial.config[CONFIG])
        self._latest[number] = change = TrialChanged(
            self._sweep,
            number,
            method.label,
            state=outcome["state"],
            objectives=dict.fromkeys(self._objectives) | outcome.get("objectives", {}),
            error=outcome.get("error", ""),
        )
        self._on_event(change)

    def _values(self, result: dict[str, Any]) -> dict[str, float]:
        return {one: result[one] for one in self._objectives if result.get(one) is not None}


def _is_lost(trial: Any) -> bool:
    """Whether a trial's process ended, alone or with its node, rather than its code failed."""
    if trial.pickled_error_file is None:
        return False
    error = pickle.loads(Path(trial.pickled_error_file).read_bytes())  # noqa: S301  (this process has written it)
    return isinstance(error, RayActorError)


logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what fails is said, and kept, by the recorder
