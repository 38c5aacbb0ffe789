"""From the store to what a report shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raycal.errors import RaycalError
from raycal.experiment.ablation import by_size, unsized_label
from raycal.experiment.run import Run
from raycal.methods.base import Method, tunings
from raycal.methods.fine_tuned import FineTuned
from raycal.metrics import metric_definitions
from raycal.report.grading import read_grading
from raycal.report.labels import shown
from raycal.report.results import (
    Ablation,
    Cost,
    Counts,
    MethodResult,
    MetricValue,
    RunResults,
    ShownComparison,
    TrainingCurve,
)
from raycal.stages.evaluate import ScoredSplit, scored_splits
from raycal.stages.score import resolved
from raycal.store.metric_columns import unpacked
from raycal.store.schemas import Table

_COMPARED = ("metric", "difference", "low", "high")


class NotEvaluatedError(RaycalError, ValueError):
    """The run has no metrics yet; the message says what to do."""


def results_of(run: Run) -> list[RunResults]:
    """What a report shows of a run, a dataset each. Raises NotEvaluatedError where the run has no metrics."""
    shards = {table: run.store.shards(table, run.id) for table in (Table.METRICS, Table.COMPARISONS, Table.RUNS)}
    metrics = list(run.store.rows("SELECT * FROM metrics", shards=shards))
    recorded = list(run.store.rows("SELECT * FROM runs", shards=shards))
    if not recorded or not {method.label for method in run.experiment.methods} <= {row["method"] for row in metrics}:
        raise NotEvaluatedError(f"run {run.id} has no metrics yet, or of other methods' names: evaluate it first")
    training = _training(run)
    comparisons = list(run.store.rows("SELECT * FROM comparisons ORDER BY key", shards=shards))
    return [
        _results(
            run,
            found,
            {row["method"]: row for row in metrics if row["dataset"] == found.dataset},
            [row for row in comparisons if row["dataset"] == found.dataset],
            training=training,
            recorded=recorded[0],
        )
        for found in scored_splits(run, run.experiment.evaluate.split)
    ]


def _results(
    run: Run,
    found: ScoredSplit,
    metrics: Mapping[str, Mapping[str, Any]],
    comparisons: list[dict[str, Any]],
    *,
    training: Sequence[TrainingCurve],
    recorded: Mapping[str, Any],
) -> RunResults:
    config = run.experiment.evaluate
    texts = _texts(run)
    rows = [texts[question_id] for question_id in found.ids]
    first = next(iter(metrics.values()))
    return RunResults(
        run=run.id,
        model=str(run.recipe.model),
        dataset=found.dataset,
        split=found.split,
        convention=config.convention,
        bins=config.bins,
        level=config.level,
        correct=found.correct,
        questions=[row["question"] for row in rows],
        answers=[row["answer"] for row in rows],
        accepted=["; ".join(row["accepted"]) for row in rows],
        subjects=found.subjects,
        methods=[
            MethodResult(
                method=method.method,
                label=shown(method.label),
                confidence=found.confidence[method.label],
                coverage=metrics[method.label]["coverage"] or 0.0,
                metrics=_metric_values(metrics[method.label]),
                settings=resolved(method, run).model_dump(mode="json", exclude={"method"}),
            )
            for method in run.experiment.methods
        ],
        comparisons=[
            ShownComparison(shown(row["method"]), shown(row["baseline"]), *(row[name] for name in _COMPARED))
            for row in comparisons
        ],
        training=training,
        ablations=_ablations(run.experiment.methods),
        counts=Counts(first["questions"], first["failed"], recorded["bad_questions"]),
        experiment={**json.loads(recorded["experiment"]), "storage": str(run.store.root)},
        versions=json.loads(recorded["versions"]),
        precision=json.loads(recorded["precision"] or "{}"),  # a run recorded by an older version says nothing of it
        cost=Cost(recorded["generated_tokens"], recorded["prompt_tokens"], recorded["engine_seconds"]),
        grading=read_grading(json.loads(recorded["grading"] or "{}"), json.loads(recorded["agreement"] or "{}")),
    )


def _ablations(methods: Sequence[Method]) -> list[Ablation]:
    return [
        Ablation(shown(unsized_label(next(iter(sized.values())))), {size: shown(sized[size].label) for size in sized})
        for sized in by_size(methods)
    ]


def _training(run: Run) -> list[TrainingCurve]:
    """The curves of the adapters trained for the run, each once; a method of the run names it before a part of one."""
    own_first = sorted(run.experiment.methods, key=lambda method: method.needs().tuned is None)
    trained = [tuned for tuned in tunings(own_first) if tuned.adapter is None]
    return [curve for method in trained if (curve := _curve(run, method)) is not None]


def _curve(run: Run, method: FineTuned) -> TrainingCurve | None:
    from raycal.stages.finetune import adapter_id, training_curve

    rows: list[dict[str, Any]] = training_curve(run, adapter_id(run, method))
    if not rows:
        return None
    columns = {
        name: np.array([row[name] for row in rows], dtype=np.float64)
        for name in ("loss", "learning_rate", "seconds", "calibration_loss", "calibration_ece", "calibration_auroc")
    }
    divergence = [row["divergence"] if method.divergence_weight else None for row in rows]  # 0 where none was measured
    return TrainingCurve(
        label=shown(method.label),
        step=np.array([row["step"] for row in rows]),
        divergence=np.array(divergence, dtype=np.float64),
        skipped=np.array([row["applied"] is False for row in rows]),
        **columns,
    )


def _texts(run: Run) -> dict[str, dict[str, Any]]:
    query = """
        SELECT asked.question_id, questions.question, questions.answers AS accepted, answers.text AS answer
        FROM asked JOIN questions ON questions.key = asked.question_id JOIN answers ON answers.key = asked.answer_key
    """
    return {row["question_id"]: row for row in run.store.rows(query, shards=run.shards, extra={"asked": run.asked})}


def _metric_values(row: Mapping[str, Any]) -> dict[str, MetricValue]:
    """Those of the row's metrics that are known: an evaluation may have had other packages beside it."""
    columns, undefined = unpacked(row), json.loads(row["undefined"])
    return {
        name: MetricValue(columns[name], columns.get(f"{name}_low"), columns.get(f"{name}_high"), undefined.get(name))
        for name in metric_definitions()
        if name in columns
    }
