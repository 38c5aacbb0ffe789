"""The stage that turns scores and grades into numbers: SCORES and GRADES in, METRICS and COMPARISONS out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycal.errors import RaycalError
from raycal.experiment.config import Missing
from raycal.experiment.run import Run
from raycal.methods.base import Method
from raycal.metrics import evaluate, evaluate_groups, metric_definitions
from raycal.metrics.bootstrap import Bootstrap, PairedScores
from raycal.questions.question import Split
from raycal.stages.grade import grades_of
from raycal.stages.score import resolved, scores_of
from raycal.store.keys import digest
from raycal.store.metric_columns import packed
from raycal.store.schemas import Table


class NoBaseRateError(RaycalError, ValueError):
    """There is nothing to impute missing confidences by; the message says what to do."""


@dataclass(frozen=True, eq=False)
class ScoredSplit:
    """The graded answers of one dataset and split, with a confidence by every method.

    confidence: label -> (n,) p(correct), NaN where it is missing and not imputed. coverage: label -> the share of the
    answers for which the method had one. correct: (n,) bool. The rest are lists of length n.
    """

    dataset: str
    split: str
    questions: int  # asked, those without a graded answer among them
    ids: list[str]
    subjects: list[str]
    correct: NDArray[np.bool_]
    confidence: dict[str, NDArray[np.float64]]
    coverage: dict[str, float | None]


def scored_splits(run: Run, split: Split) -> Iterator[ScoredSplit]:
    """What the store says of a split, a dataset at a time, in the order of question ids.

    Missing confidences are imputed where the experiment says so; raises NoBaseRateError where there is nothing to
    impute.
    """
    grades = grades_of(run, run.experiment.grade.graders[0])
    scores = {method.label: scores_of(run, method) for method in run.experiment.methods}
    asked = run.asked.sort_by("question_id").to_pylist()
    for dataset in sorted({row["dataset"] for row in asked}):
        of_dataset = [row for row in asked if row["dataset"] == dataset]
        imputed = np.nan
        if run.experiment.evaluate.missing is Missing.BASE_RATE:
            imputed = _base_rate(of_dataset, grades)
        rows = [row for row in of_dataset if row["split"] == split]
        graded = [row for row in rows if grades.get(row["answer_key"]) is not None]
        yield ScoredSplit(
            dataset=dataset,
            split=str(split),
            questions=len(rows),
            ids=[row["question_id"] for row in graded],
            subjects=[row["subject"] for row in graded],
            correct=np.array([grades[row["answer_key"]] for row in graded], dtype=bool),
            confidence={
                label: np.array([method_scores.get(row["answer_key"], imputed) for row in graded], dtype=np.float64)
                for label, method_scores in scores.items()
            },
            coverage={
                label: sum(row["answer_key"] in method_scores for row in graded) / len(graded) if graded else None
                for label, method_scores in scores.items()
            },
        )


def evaluate_run(run: Run) -> list[dict[str, Any]]:
    """Compute and store the metrics of every method on the experiment's split; returns the rows of METRICS.

    One row a dataset and method, with a column for every metric. An answer without a grade counts in `failed`, one
    without a confidence in `coverage`.
    """
    rows, comparisons = [], []
    for scored in scored_splits(run, run.experiment.evaluate.split):
        rows += [_metrics_row(run, method, scored) for method in run.experiment.methods]
        comparisons += _comparison_rows(run, scored)
    run.store.replace(Table.METRICS, run.id, [packed(row) for row in rows])
    run.store.replace(Table.COMPARISONS, run.id, comparisons)
    return rows


def _base_rate(asked: list[dict[str, str]], grades: Mapping[str, bool | None]) -> float:
    calibration = [grades.get(row["answer_key"]) for row in asked if row["split"] == Split.CALIBRATION]
    known = [grade for grade in calibration if grade is not None]
    if not known:
        raise NoBaseRateError(
            "evaluate.missing is base_rate, but no answer of the calibration split is graded: add it to splits"
        )
    return sum(known) / len(known)


def _metrics_row(run: Run, method: Method, scored: ScoredSplit) -> dict[str, Any]:
    config = run.experiment.evaluate
    p = scored.confidence[method.label]
    kept = ~np.isnan(p)
    confidence, correct = p[kept], scored.correct[kept]
    subjects = [subject for subject, keep in zip(scored.subjects, kept, strict=True) if keep]
    by_subject = np.array(subjects, dtype=str)
    pooled = evaluate(confidence, correct, bins=config.bins, convention=config.convention)
    grouped = evaluate_groups(confidence, correct, by_subject, bins=config.bins, convention=config.convention)
    row = {
        "key": digest("metrics", run.id, scored.dataset, scored.split, method.label),
        "run": run.id,
        "method": method.label,
        "config": resolved(method, run).model_dump_json(),
        "model": str(run.recipe.model),
        "dataset": scored.dataset,
        "split": scored.split,
        "n": len(confidence),
        "questions": scored.questions,
        "failed": scored.questions - len(scored.correct),
        "coverage": scored.coverage[method.label],
        "missing": str(config.missing),
        "convention": str(config.convention),
        "bins": config.bins,
        "subjects": len(grouped.sizes),
        **{name: metric.value for name, metric in pooled.items()},
        **{f"subject_mean_{name}": mean.metric.value for name, mean in grouped.mean.items()},
        "undefined": json.dumps({name: metric.reason for name, metric in pooled.items() if metric.reason}),
        "level": config.level,
        "replicates": config.replicates,
    }
    if config.replicates:
        for name, interval in _bootstrap(run).intervals(confidence, correct).items():
            if interval is not None:
                row |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    return row


def _comparison_rows(run: Run, scored: ScoredSplit) -> list[dict[str, Any]]:
    """Every pair of methods, over the questions for which both have a confidence."""
    if not run.experiment.evaluate.replicates:
        return []
    ids = np.array(scored.ids, dtype=str)
    scores = {
        label: PairedScores(ids[kept], p[kept], scored.correct[kept])
        for label, p in scored.confidence.items()
        for kept in [~np.isnan(p)]
    }
    names = [name for name, definition in metric_definitions().items() if definition.compared]
    rows = []
    for baseline, method in combinations(scores, 2):
        compared = _bootstrap(run).compare(scores[method], scores[baseline])
        for name in names:
            found_difference = compared.differences[name]
            if found_difference.interval is None or found_difference.metric.value is None:
                continue
            rows.append(
                {
                    "key": digest("comparison", run.id, scored.dataset, scored.split, method, baseline, name),
                    "run": run.id,
                    "dataset": scored.dataset,
                    "split": scored.split,
                    "method": method,
                    "baseline": baseline,
                    "metric": name,
                    "difference": found_difference.metric.value,
                    "low": found_difference.interval.low,
                    "high": found_difference.interval.high,
                    "n": compared.n,
                }
            )
    return rows


def _bootstrap(run: Run) -> Bootstrap:
    config = run.experiment.evaluate
    return Bootstrap(config.replicates, config.level, run.experiment.seed, config.bins, config.convention)
