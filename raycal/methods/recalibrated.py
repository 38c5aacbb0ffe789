"""Maps from p(correct) to a better calibrated p(correct), fitted on graded calibration answers.

The parameters are plain numbers: `dataclasses.asdict` writes them, and pydantic reads them as a `Recalibrator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import field_validator

from raycal.errors import RaycalError
from raycal.methods.base import METHODS, AnyMethod, Fit, FittedMethod, Method, Needs
from raycal.methods.evidence import Evidence
from raycal.metrics.counts import Floats, checked
from raycal.questions.question import Split

EPSILON = 1e-6  # logits are those of p clipped to [EPSILON, 1 - EPSILON], so that certainty stays finite

_COLDEST, _HOTTEST = 0.01, 1000.0  # temperatures beyond which nothing is gained


class Recalibration(StrEnum):
    """A map from confidences to calibrated ones."""

    TEMPERATURE = "temperature"
    PLATT = "platt"
    ISOTONIC = "isotonic"


class RecalibrationError(RaycalError, ValueError):
    """There is nothing that a recalibration could be fitted on."""


@dataclass(frozen=True)
class Temperature:
    """sigmoid(logit(p) / temperature) (Guo et al. 2017): the order of the answers and the side of 1/2 stay the same.

    ValueError unless the temperature is a positive number.
    """

    temperature: float

    def __post_init__(self) -> None:
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"a temperature is a positive number, not {self.temperature}")

    def apply(self, p: ArrayLike) -> Floats:
        """p, (n,) in [0, 1] -> (n,) in [0, 1], non-decreasing in p. ValueError names rows out of range, or NaN."""
        return _sigmoid(logits(_probabilities(p)) / self.temperature)


@dataclass(frozen=True)
class Platt:
    """sigmoid(slope logit(p) + intercept) (Platt 1999).

    A negative slope is wanted where confidence ranks the answers the wrong way round: it turns the ranking over.
    ValueError unless both are finite.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.intercept)):
            raise ValueError(f"slope and intercept are finite numbers, not {self.slope} and {self.intercept}")

    def apply(self, p: ArrayLike) -> Floats:
        """p, (n,) in [0, 1] -> (n,) in [0, 1], monotone in p. ValueError names rows out of range, or NaN."""
        return _sigmoid(self.slope * logits(_probabilities(p)) + self.intercept)


@dataclass(frozen=True)
class Isotonic:
    """The line through the knots (x, y), constant beyond the outer ones (Zadrozny & Elkan 2002).

    x: (k,) ascending, y: (k,) non-decreasing in [0, 1], k > 0; ValueError else. Unlike the other maps it may give 0 or
    1 to answers that are neither.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        ascending = all(low < high for low, high in pairwise(self.x))
        rising = all(low <= high for low, high in pairwise((0.0, *self.y, 1.0)))
        if not (self.x and len(self.x) == len(self.y) and ascending and rising):
            raise ValueError("isotonic knots need an ascending x and, of its length, a non-decreasing y in [0, 1]")

    def apply(self, p: ArrayLike) -> Floats:
        """p, (n,) in [0, 1] -> (n,) in [0, 1], non-decreasing in p. ValueError names rows out of range, or NaN."""
        # By rounding, the line may end just above its last knot, and so above 1.
        return np.clip(np.interp(_probabilities(p), self.x, self.y), self.y[0], self.y[-1])


Recalibrator = Temperature | Platt | Isotonic


@dataclass(frozen=True)
class RecalibratedBase:
    """A map of the confidences of the first of a row's bases."""

    recalibrator: Recalibrator

    def predict(self, rows: Sequence[Evidence]) -> Floats:
        """See Predictor."""
        return self.recalibrator.apply(_base_confidences(rows))


@METHODS.register("recalibrated")
class Recalibrated(FittedMethod):
    """p = another method's confidence, mapped by what was fitted on the calibration split."""

    method: Literal["recalibrated"] = "recalibrated"
    of: AnyMethod
    by: Recalibration = Recalibration.TEMPERATURE

    @field_validator("of")
    @classmethod
    def _base(cls, of: Method) -> Method:
        return check_base(of)

    def needs(self) -> Needs:
        """The other method's confidence."""
        return Needs(bases=(self.of,), fit=Fit(Split.CALIBRATION, seeded=False))

    def fit(self, rows: Sequence[Evidence], targets: NDArray[Any], *, seed: int) -> RecalibratedBase:
        """See FittedMethod. Raises RecalibrationError."""
        return RecalibratedBase(fit(self.by, _base_confidences(rows), targets))

    @property
    def saw_calibration(self) -> bool:
        """See Method; a temperature keeps the order."""
        return self.by is not Recalibration.TEMPERATURE or self.of.saw_calibration

    def described(self) -> str:
        """See Method."""
        return f"{self.of.label} + {self.by}"


def check_base(method: Method) -> Method:
    """A method that may be recalibrated or combined. Raises ValueError for one that is fitted on calibration itself."""
    fitted = method.needs().fit
    if fitted is not None and fitted.on is Split.CALIBRATION:
        raise ValueError(f"{method.label} is itself fitted on the calibration split: name the methods that it is of")
    return method


def _base_confidences(rows: Sequence[Evidence]) -> Floats:
    return np.array([row.bases[0] for row in rows], dtype=np.float64)


def fit(kind: Recalibration, p: ArrayLike, correct: ArrayLike) -> Recalibrator:
    """The map of a kind that suits calibration answers best. p: (n,) in [0, 1]; correct: (n,) bool or 0/1; n > 0.

    - temperature: minimises the negative log-likelihood; never worse than p itself on the answers it was fitted on.
    - platt: logistic regression on the logit, with Platt's smoothed targets (n_right + 1) / (n_right + 2) and
      1 / (n_wrong + 2): perfectly separated answers stay finite, and n answers that are all correct give
      (n + 1) / (n + 2) whatever p is.
    - isotonic: the non-decreasing function of least squares.

    RecalibrationError where there are no answers; ValueError names rows out of range, or NaN.
    """
    numbers, is_right = checked(p, correct)
    if not len(numbers):
        raise RecalibrationError(
            f"a {kind} recalibration needs graded answers with a confidence, and there are none: "
            "enlarge the calibration split, or leave the recalibration out"
        )
    match kind:
        case Recalibration.TEMPERATURE:
            return _fit_temperature(logits(numbers), is_right)
        case Recalibration.PLATT:
            return _fit_platt(logits(numbers), is_right)
        case Recalibration.ISOTONIC:
            return _fit_isotonic(numbers, is_right)
        case _:
            assert_never(kind)


def logits(p: Floats) -> Floats:
    """log(p / (1 - p)) of p clipped to [EPSILON, 1 - EPSILON], any shape; NaN stays NaN."""
    from scipy.special import logit

    odds: Floats = logit(np.clip(p, EPSILON, 1 - EPSILON))
    return odds


def _sigmoid(z: Floats) -> Floats:
    from scipy.special import expit

    p: Floats = expit(z)
    return p


def _probabilities(p: ArrayLike) -> Floats:
    return checked(p, np.zeros(np.shape(p)))[0]


def _fit_temperature(z: Floats, is_right: NDArray[np.bool_]) -> Temperature:
    """A bounded search over log T, in which the negative log-likelihood has one minimum, being convex in 1 / T.

    Answers that 1/2 separates perfectly would be sharpened for ever. All that n answers can vouch for is a confidence
    of (n + 1) / (n + 2) (Laplace's rule of succession), so that of such answers the median one ends there.
    """
    from scipy.optimize import minimize_scalar

    towards_truth = np.where(is_right, z, -z)

    def nll(log_t: float) -> float:
        return float(np.logaddexp(0, -towards_truth / np.exp(log_t)).mean())

    separated = bool((towards_truth >= 0).all())
    sharpest = np.clip(np.median(np.abs(z)) / np.log(len(z) + 1), _COLDEST, 1) if separated else _COLDEST
    minimum = minimize_scalar(
        nll, bounds=(np.log(sharpest), np.log(_HOTTEST)), method="bounded", options={"xatol": 1e-6}
    )
    # The first of equals: where the likelihood does not depend on T, as at p = 1/2, p is left alone.
    return Temperature(float(np.exp(min(0.0, float(minimum.x), key=nll))))


def _fit_platt(z: Floats, is_right: NDArray[np.bool_]) -> Platt:
    from sklearn.linear_model import LogisticRegression

    n_right = int(is_right.sum())
    target = np.where(is_right, (n_right + 1) / (n_right + 2), 1 / (len(z) - n_right + 2))
    # A target t between 0 and 1 is an answer that is correct with weight t and wrong with weight 1 - t.
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(
        np.tile(z, 2)[:, None],
        np.repeat([1, 0], len(z)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return Platt(float(model.coef_[0, 0]), float(model.intercept_[0]))


def _fit_isotonic(p: Floats, is_right: NDArray[np.bool_]) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, is_right.astype(np.float64))
    return Isotonic(tuple(model.X_thresholds_.tolist()), tuple(model.y_thresholds_.tolist()))
