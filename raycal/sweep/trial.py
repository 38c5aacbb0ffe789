"""One trial of a sweep: a method with its options on the calibration split; no test question is among its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from raycal.errors import RaycalError
from raycal.events import ignore_event
from raycal.experiment.config import Experiment
from raycal.experiment.run import Run
from raycal.methods.base import METHOD, Method, tunings
from raycal.questions.question import Split
from raycal.stages.evaluate import evaluate_run
from raycal.sweep.study import CONFIG, FINISHED, RUN


class UndefinedObjectiveError(RaycalError, ValueError):
    """An objective has no value for a trial; the message says why."""


def on_split(run: Run, methods: Sequence[Method], name: str, split: Split) -> Run:
    """The run that evaluates other methods on a split, and whose questions are that split's and those to fit on."""
    splits = {Split.TRAIN, Split.CALIBRATION, split}
    changes = {
        "name": name,
        "methods": tuple(methods),
        "splits": tuple(one for one in run.experiment.splits if one in splits),
        "evaluate": run.experiment.evaluate.model_copy(update={"split": split}),
    }
    return replace(run, experiment=Experiment.model_validate(dict(run.experiment) | changes))


def trains(config: Mapping[str, Any]) -> bool:
    """Whether a trial starts workers of its own."""
    return any(tuned.adapter is None for tuned in tunings([METHOD.validate_json(config[CONFIG])]))


def run_trial(config: Mapping[str, Any], *, run: Run, objectives: Sequence[str]) -> None:
    """Fit, score and evaluate one setting, and tell Ray Tune; its row of METRICS is written by then.

    Raises UndefinedObjectiveError, and whatever the stages raise.
    """
    from ray import tune

    from raycal.stages.pipeline import features_stage, finetune_stage, score_stage
    from raycal.sweep.watch_training import TrainingReport

    trial_run = on_split(run, [METHOD.validate_json(config[CONFIG])], run.experiment.name, Split.CALIBRATION)
    finetune_stage(trial_run, ignore_event, [TrainingReport()] if trains(config) else [])
    features_stage(trial_run, ignore_event)
    score_stage(trial_run, ignore_event)
    rows = evaluate_run(trial_run)
    tune.report({**objective_values(rows, objectives), RUN: trial_run.id, FINISHED: True})


def objective_values(rows: Sequence[Mapping[str, Any]], objectives: Sequence[str]) -> dict[str, float]:
    """The objectives by rows of METRICS: means over datasets. Raises UndefinedObjectiveError."""
    values = {}
    for objective in objectives:
        row_values = [row[objective] for row in rows]
        if not row_values or None in row_values:
            reasons = "; ".join(str(row["undefined"]) for row in rows if row[objective] is None) or "no answers"
            raise UndefinedObjectiveError(f"{objective} is not defined on the calibration split: {reasons}")
        values[objective] = sum(row_values) / len(row_values)
    return values
