"""Two confidence methods: one with a prompt of its own, and one that is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from raycal.methods.base import METHODS, Fit, FittedMethod, Needs, ScoredMethod
from raycal.methods.evidence import Confidence, Evidence
from raycal.metrics.counts import Floats
from raycal.models.prompts import FollowUp
from raycal.questions.question import Split

SELF_GRADE = FollowUp("self_grade", "Grade the proposed answer with a number from 0 to 1. Say nothing else.", 8)


@METHODS.register("self_grade")
class SelfGrade(ScoredMethod):
    """p = the grade that the model gives its own answer."""

    method: Literal["self_grade"] = "self_grade"

    def needs(self) -> Needs:
        return Needs(prompts=(SELF_GRADE,))

    def score(self, row: Evidence) -> Confidence:
        reply = row.replies.get(SELF_GRADE.name)
        try:
            return Confidence(float(reply.text)) if reply and reply.text else Confidence(reason="no grade")
        except ValueError:
            return Confidence(reason="the grade is no number from 0 to 1")


@dataclass(frozen=True)
class Logistic:
    weights: Floats

    def predict(self, rows: Sequence[Evidence]) -> Floats:
        return 1 / (1 + np.exp(-_features(rows) @ self.weights))


@METHODS.register("surface")
class Surface(FittedMethod):
    """p = a logistic regression on the answer's mean log-probability and length, by gradient descent."""

    method: Literal["surface"] = "surface"
    steps: int = 200

    def needs(self) -> Needs:
        return Needs(fit=Fit(Split.TRAIN, seeded=False))

    def fit(self, rows: Sequence[Evidence], targets: NDArray[Any], *, seed: int) -> Logistic:
        x, weights = _features(rows), np.zeros(3)
        for _ in range(self.steps):
            p = 1 / (1 + np.exp(-x @ weights))
            weights -= 0.1 * x.T @ (p - targets) / len(rows)
        return Logistic(weights)


def _features(rows: Sequence[Evidence]) -> Floats:
    return np.array([[1.0, row.mean_logprob or 0.0, len(row.answer.split())] for row in rows])
