"""Confidences by the methods that are fitted: on training answers, or on calibration answers, never on test answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from raycal.errors import RaycalError
from raycal.experiment.run import Run
from raycal.methods import Confidence
from raycal.methods.base import probability
from raycal.methods.combined import fit_stack
from raycal.methods.options import Classifier, Combined, FineTuned, Method, Recalibrated
from raycal.methods.recalibrated import fit
from raycal.metrics.counts import Floats
from raycal.questions.question import Split
from raycal.stages.answers import GradedAnswer, graded
from raycal.stages.artifacts import classifier_head
from raycal.stages.features import features_of
from raycal.stages.tuned_query import tuned_query
from raycal.store.keys import digest
from raycal.store.schemas import Table

Fitted = Classifier | FineTuned | Recalibrated | Combined
# A method's confidences by answer key, those that are missing left out.
ScoresOf = Callable[[Method], Mapping[str, float]]
_FOLDS = 5


class NothingToFitError(RaycalError, ValueError):
    """A method has no answers to be fitted on; the message says what to add."""


def fitted_confidences(run: Run, method: Fitted, scores_of: ScoresOf) -> Mapping[str, Confidence]:
    """Fit a method and apply it: its confidences by answer key. `scores_of` gives those of the methods it builds on.

    Raises NothingToFitError, ClassifierError, SettingsError, RecalibrationError and StackingError.
    """
    match method:
        case FineTuned():
            return _fine_tuned(run, method)
        case Classifier():
            return _classifier(run, method, scores_of)
        case Recalibrated():
            return _recalibrated(run, method, scores_of(method.of))
        case Combined():
            return _combined(run, [scores_of(one) for one in method.of])


def _fine_tuned(run: Run, method: FineTuned) -> Mapping[str, Confidence]:
    query = tuned_query(run, method)
    shards = {Table.QUERIES: run.store.shards(Table.QUERIES, query.partition)}
    return {
        row["answer_key"]: Confidence(row["p_true"]) if row["error"] is None else Confidence(reason=row["error"])
        for row in run.store.rows("SELECT answer_key, p_true, error FROM queries", shards=shards)
    }


def _classifier(run: Run, method: Classifier, scores_of: ScoresOf) -> Mapping[str, Confidence]:
    states = features_of(run, method)
    if not states:
        raise NothingToFitError(f"{method.label} has no hidden states to read: run the features stage first")
    head = classifier_head(run, method, states, lambda: scores_of(method.entropy))
    p = head.predict(np.stack(list(states.values())))
    return {key: probability(float(value), "the classifier's output") for key, value in zip(states, p, strict=True)}


def _recalibrated(run: Run, method: Recalibrated, scores: Mapping[str, float]) -> Mapping[str, Confidence]:
    def predict(rows: Sequence[GradedAnswer], keys: Sequence[str]) -> Floats:
        fitted = fit(method.by, [scores[row.answer_key] for row in rows], [bool(row.correct) for row in rows])
        return fitted.apply([scores[key] for key in keys])

    found = cross_fit(_calibration(run, [scores]), list(scores), predict)
    return {key: probability(p, "the recalibrated p") for key, p in found.items()}


def _combined(run: Run, scores: Sequence[Mapping[str, float]]) -> Mapping[str, Confidence]:
    def predict(rows: Sequence[GradedAnswer], keys: Sequence[str]) -> Floats:
        answers = _table(scores, [row.answer_key for row in rows])
        return fit_stack(answers, [bool(row.correct) for row in rows]).apply(_table(scores, keys))

    found = cross_fit(_calibration(run, scores), sorted(set().union(*scores)), predict)
    return {key: probability(p, "the combined p") for key, p in found.items()}


def cross_fit(
    rows: Sequence[GradedAnswer],
    keys: Sequence[str],
    predict: Callable[[Sequence[GradedAnswer], Sequence[str]], Floats],
) -> dict[str, float]:
    """What `predict` says of answers when it is fitted on `rows`; of the rows themselves, when fitted without them.

    So a calibration answer never has a say in its own confidence, and metrics of the calibration split mean something.
    The rows are left out in five folds by a hash of the question; all of one fold are too few to leave any out.
    """
    found = dict(zip(keys, predict(rows, keys).tolist(), strict=True))
    folds: dict[int, list[GradedAnswer]] = {}
    for row in rows:
        folds.setdefault(int(digest("fold", row.question_id), 16) % _FOLDS, []).append(row)
    for number, fold in folds.items():
        others = [row for other, its in folds.items() if other != number for row in its]
        if others:
            left_out = [row.answer_key for row in fold]
            found |= zip(left_out, predict(others, left_out).tolist(), strict=True)
    return found


def _calibration(run: Run, scores: Sequence[Mapping[str, float]]) -> list[GradedAnswer]:
    rows = [row for row in graded(run, Split.CALIBRATION) if any(row.answer_key in one for one in scores)]
    if not rows:
        raise NothingToFitError(
            "recalibrated and combined are fitted on the calibration split, which has no graded answers with a "
            "confidence: add it to splits"
        )
    return rows


def _table(scores: Sequence[Mapping[str, float]], keys: Sequence[str]) -> Floats:
    return np.array([[one.get(key, np.nan) for one in scores] for key in keys], dtype=np.float64)
