"""The final scoring of a sweep on test: each method's best setting beside its default, and the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raycal.api import report_stage
from raycal.errors import RaycalError
from raycal.events import OnEvent
from raycal.experiment.run import Run
from raycal.methods.base import METHOD, Method
from raycal.questions.question import Split
from raycal.stages.pipeline import evaluate_stage, features_stage, finetune_stage, score_stage
from raycal.stages.score import resolved
from raycal.sweep.results import best_trial, sweep_results
from raycal.sweep.runner import Sweep
from raycal.sweep.trial import on_split

if TYPE_CHECKING:
    from optuna import Study


class NothingFoundError(RaycalError, ValueError):
    """No trial finished, and so there is nothing to score on test."""


def finish_sweep(sweep: Sweep, study: Study, on_event: OnEvent) -> tuple[Run, list[dict[str, Any]]]:
    """Score on calibration and test what the sweep found.

    Returns the run on test, whose report is written, and the rows of METRICS of both splits.

    Raises NothingFoundError and what the stages raise.
    """
    methods = chosen_methods(sweep, study)
    runs = [
        on_split(sweep.run, methods, f"{sweep.run.experiment.name}-best", split)
        for split in (Split.CALIBRATION, Split.TEST)
    ]
    rows: list[dict[str, Any]] = []
    for run in runs:
        finetune_stage(run, on_event)
        features_stage(run, on_event)
        score_stage(run, on_event)
        rows += evaluate_stage(run, on_event)
    report_stage(runs[-1], on_event, sweep_results(sweep, study, methods))
    return runs[-1], rows


def chosen_methods(sweep: Sweep, study: Study) -> list[Method]:
    """Each method's default and best setting, and those of the Pareto front, each once and named by what it is."""
    trials = [trial for trial in sweep.trials() if trial["state"] == "finished"]
    if not trials:
        raise NothingFoundError(f"no trial of {sweep.id} finished")
    chosen: dict[str, Method] = {}

    def choose(method: Method, name: str) -> None:
        key = resolved(method, sweep.run).model_dump_json()
        chosen.setdefault(key, method.model_copy(update={"name": name}))

    for entry in sweep.space.entries:
        entry_trials = [trial for trial in trials if trial["entry"] == entry.label]
        choose(entry.default, f"{entry.label}, default")
        if entry_trials:
            choose(METHOD.validate_json(best_trial(sweep, entry_trials)["config"]), f"{entry.label}, best")
    front = {trial.number for trial in study.best_trials}
    for trial in trials:
        if trial["number"] in front:
            choose(METHOD.validate_json(trial["config"]), f"{trial['entry']}, trial {trial['number']}")
    return list(chosen.values())
