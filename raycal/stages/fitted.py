"""Fits of methods: on training answers, or on calibration answers, never on test answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raycal.errors import RaycalError
from raycal.experiment.run import Run
from raycal.methods.base import Fit, FittedMethod, Predictor, SavedMethod
from raycal.methods.evidence import Evidence
from raycal.metrics.counts import Floats
from raycal.questions.question import Split
from raycal.stages.answers import GradedAnswer, answered, first_by_hash
from raycal.stages.artifacts import kept_fit, load_artifact
from raycal.stages.evidence import Lookups, ScoresOf, evidence_about, has_any
from raycal.store.keys import digest

_FOLDS = 5


class NothingToFitError(RaycalError, ValueError):
    """A method has no answers to be fitted on; the message says what to add."""


@dataclass(frozen=True)
class CrossFitted:
    """A fit on all of some answers, and of each of five folds of them one without it.

    So an answer never has a say in its own confidence, and metrics of the split that was fitted on mean something.
    """

    whole: Predictor
    without: Mapping[str, Predictor]  # by the question ids of what was fitted on

    def predict(self, rows: Sequence[Evidence]) -> Floats:
        """See Predictor."""
        p = np.full(len(rows), np.nan)
        groups: dict[int, tuple[Predictor, list[int]]] = {}
        for place, row in enumerate(rows):
            predictor = self.without.get(row.question_id, self.whole)
            groups.setdefault(id(predictor), (predictor, []))[1].append(place)
        for predictor, places in groups.values():
            p[places] = predictor.predict([rows[place] for place in places])
        return p


def fitted_predictor(run: Run, method: FittedMethod, lookups: Lookups, scores_of: ScoresOf) -> Predictor:
    """The predictor of a method: that which it names, or which was kept, or a new fit.

    Raises NothingToFitError, SettingsError, and what the method's `fit` and `load` raise.
    """
    needs = method.needs()
    if isinstance(method, SavedMethod) and method.artifact is not None:
        return load_artifact(method, method.artifact)
    if needs.fit is None:
        raise NothingToFitError(f"{method.label} does not say what it is fitted on: needs() has no fit")
    rows, evidence, targets = _fitting_rows(run, method, needs.fit, lookups, scores_of)
    if isinstance(method, SavedMethod):
        return kept_fit(run, method, rows, evidence, targets)
    if needs.fit.on is Split.CALIBRATION:
        return cross_fit(method, evidence, targets, seed=run.experiment.seed)
    return method.fit(evidence, targets, seed=run.experiment.seed)


def cross_fit(method: FittedMethod, rows: Sequence[Evidence], targets: NDArray[Any], *, seed: int) -> CrossFitted:
    """Fit a method on all of n rows, and on each four fifths of them; folds are by a hash of the question.

    All rows of one fold are too few to leave any out.
    """
    fold = np.array([int(digest("fold", row.question_id), 16) % _FOLDS for row in rows])
    without: dict[str, Predictor] = {}
    for number in np.unique(fold):
        others = np.flatnonzero(fold != number)
        if len(others):
            predictor = method.fit([rows[place] for place in others], targets[others], seed=seed)
            without |= {rows[place].question_id: predictor for place in np.flatnonzero(fold == number)}
    return CrossFitted(method.fit(rows, targets, seed=seed), without)


def _fitting_rows(
    run: Run, method: FittedMethod, fit: Fit, lookups: Lookups, scores_of: ScoresOf
) -> tuple[list[GradedAnswer], list[Evidence], NDArray[Any]]:
    """The answers that a method is fitted on, the evidence about each, and what it is to say of each."""
    target = None if fit.target is None else scores_of(fit.target)
    rows = [
        row
        for row in answered(run, [fit.on])
        if (row.correct is not None if target is None else row.answer_key in target)
    ]
    needs, keys = method.needs(), run.asked.append_column("key", run.asked["answer_key"])
    keys = keys.filter(pc.is_in(keys["answer_key"], pa.array([row.answer_key for row in rows], pa.string())))
    known = {
        row["answer_key"]: evidence
        for row, evidence in evidence_about(run, needs, keys, lookups)
        if has_any(needs, evidence)
    }
    rows = [row for row in rows if row.answer_key in known]
    if not rows:
        raise NothingToFitError(
            f"{method.label} is fitted on the {fit.on} split, which has no graded answers with what it needs: add it "
            "to splits"
        )
    if fit.seeded:
        rows = first_by_hash(rows, fit.questions, run.experiment.seed)
    targets = [bool(row.correct) if target is None else target[row.answer_key] for row in rows]
    return rows, [known[row.answer_key] for row in rows], np.array(targets)
