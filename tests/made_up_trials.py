"""Trials of a sweep without an engine and without Ray: what they find is given, and kept as a real sweep keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
from optuna.trial import TrialState

from raycal.events import ignore_event
from raycal.experiment.run import Run
from raycal.methods.base import Method
from raycal.sweep.config import SweepConfig, goal
from raycal.sweep.recorder import Recorder
from raycal.sweep.runner import Sweep
from raycal.sweep.space import Space
from raycal.sweep.study import CONFIG, ENTRY, FINISHED, NUMBER, RUN

Found = Callable[[Method], Mapping[str, Any] | None]


def make_sweep(run: Run, entries: Sequence[Mapping[str, Any]], *objectives: str) -> Sweep:
    config = SweepConfig.model_validate({"space": entries, "objectives": objectives or ("ece", "auroc")})
    return Sweep(config, Space.of(config.space, run.experiment), run)


def run_trials(sweep: Sweep, count: int, found: Found, seed: int = 0) -> optuna.Study:
    """Trials at random; each ends with what is found of its method, stopped where that is None, failed by an error."""
    objectives = sweep.config.objectives
    study = optuna.create_study(
        directions=[f"{goal(objective)}imize" for objective in objectives],
        sampler=optuna.samplers.RandomSampler(seed=seed),
    )
    recorder = Recorder(
        sweep.run.store, sweep.id, objectives, count, ignore_event, keep_study=lambda: None, keeps_lost=True
    )
    for _ in range(count):
        trial = study.ask()
        entry, method = sweep.space.suggest(trial)
        config = {NUMBER: trial.number, ENTRY: entry.label, CONFIG: method.model_dump_json()}
        tuned = SimpleNamespace(config=config, last_result=None, error_file=None)
        recorder.on_trial_start(0, [], tuned)
        try:
            result = found(method)
        except ValueError as error:
            study.tell(trial, state=TrialState.FAIL)
            traceback = f"Traceback (most recent call last):\n  somewhere\n{type(error).__name__}: {error}\n"
            tuned.error_file = str(sweep.run.store.root / "error.txt")
            Path(tuned.error_file).write_text(traceback)
            recorder.on_trial_error(0, [], tuned)
            continue
        if result is None:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, [result[one] for one in objectives])
            tuned.last_result = {RUN: "some-run", FINISHED: True} | dict(result)
        recorder.on_trial_complete(0, [], tuned)
    return study
