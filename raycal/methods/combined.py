"""One p(correct) out of several methods': stacked generalisation (Wolpert 1992) by logistic regression on logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator

from raycal.errors import RaycalError
from raycal.methods.base import METHODS, AnyMethod, Fit, FittedMethod, Method, Needs
from raycal.methods.evidence import Evidence
from raycal.methods.recalibrated import check_base, logits
from raycal.metrics.counts import Floats, checked
from raycal.questions.question import Split


class StackingError(RaycalError, ValueError):
    """There is nothing that a stack could be fitted on."""


@dataclass(frozen=True)
class Stack:
    """sigmoid(intercept + sum over methods of weight x logit(p)), where a missing p counts as its method's mean logit.

    weights, means: (m,) one a method; means are those of the logits that the stack was fitted on.
    """

    weights: tuple[float, ...]
    intercept: float
    means: tuple[float, ...]

    def apply(self, p: ArrayLike) -> Floats:
        """p: (n, m) in [0, 1], NaN where missing -> (n,) in [0, 1]. ValueError where p is out of range.

        A row that lacks every method's confidence gets the stack's answer for an average one.
        """
        from scipy.special import expit

        numbers = _matrix(p)
        if numbers.shape[1] != len(self.weights):
            raise ValueError(f"the stack was fitted on {len(self.weights)} methods and cannot take {numbers.shape[1]}")
        z = logits(numbers)
        stacked: Floats = expit(np.where(np.isnan(z), self.means, z) @ np.array(self.weights) + self.intercept)
        return stacked

    def predict(self, rows: Sequence[Evidence]) -> Floats:
        """See Predictor."""
        return self.apply(_base_confidences(rows))


@METHODS.register("combined")
class Combined(FittedMethod):
    """p = a logistic regression on several methods' confidences, fitted on the calibration split."""

    method: Literal["combined"] = "combined"
    of: tuple[AnyMethod, ...] = Field(min_length=2)

    @field_validator("of")
    @classmethod
    def _bases(cls, of: tuple[Method, ...]) -> tuple[Method, ...]:
        return tuple(check_base(base) for base in of)

    def needs(self) -> Needs:
        """The methods' confidences."""
        return Needs(bases=self.of, fit=Fit(Split.CALIBRATION, seeded=False))

    def fit(self, rows: Sequence[Evidence], targets: NDArray[Any], *, seed: int) -> Stack:
        """See FittedMethod. Raises StackingError."""
        return fit_stack(_base_confidences(rows), targets)

    def described(self) -> str:
        """See Method."""
        return f"combined ({', '.join(method.label for method in self.of)})"


def _base_confidences(rows: Sequence[Evidence]) -> Floats:
    return np.array([row.bases for row in rows], dtype=np.float64)  # None becomes NaN


def fit_stack(p: ArrayLike, correct: ArrayLike) -> Stack:
    """The stack of m methods that suits n graded answers best. p: (n, m) in [0, 1], NaN where missing; correct: (n,).

    scikit-learn's logistic regression with an L2 penalty (C = 1) on standardised logits. Missing values take their
    column's mean logit over the fitting rows, so that they speak neither for nor against the answer; that a value is
    missing is not itself a feature. No chance is involved: the same rows give the same stack.

    StackingError where the answers are all correct or all wrong, or a method has no confidence at all; ValueError where
    p or correct are out of range.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    numbers = _matrix(p)
    _, is_right = checked(np.zeros(len(numbers)), correct)
    if is_right.all() or not is_right.any():
        raise StackingError(
            f"a stack needs correct and wrong answers to tell apart, and {int(is_right.sum())} of {len(is_right)} are "
            "correct: enlarge the split that it is fitted on"
        )
    empty = np.flatnonzero(np.isnan(numbers).all(axis=0))
    if len(empty):
        raise StackingError(f"method {empty[0]} (counted from 0) has no confidence in any row: leave it out")
    imputer, scaler = SimpleImputer(), StandardScaler()
    features = scaler.fit_transform(imputer.fit_transform(logits(numbers)))
    model = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(features, is_right)
    weights = model.coef_[0] / scaler.scale_
    intercept = model.intercept_[0] - weights @ scaler.mean_
    return Stack(tuple(weights.tolist()), float(intercept), tuple(imputer.statistics_.tolist()))


def _matrix(p: ArrayLike) -> Floats:
    numbers = np.asarray(p, dtype=np.float64)
    if numbers.ndim != 2 or not numbers.shape[1]:
        raise ValueError(f"p must hold a row an answer and a column a method, not the shape {numbers.shape}")
    wrong = np.argwhere((numbers < 0) | (numbers > 1))
    if len(wrong):
        row, column = wrong[0]
        value = numbers[row, column]
        raise ValueError(f"p must lie in [0, 1], but row {row} of method {column} is {value:g} (counted from 0)")
    return numbers
