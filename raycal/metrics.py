"""Calibration and ranking metrics of p(correct): numpy in, plain numbers out.

All of them depend on the rows only through the counts of (confidence, correct): a sample is sorted once, and each
metric is a sum over its distinct confidences. So ties are treated exactly, the order of the rows cannot matter, and
the bootstrap evaluates resampled counts with the very functions that evaluate the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

METRIC_NAMES = ("accuracy", "ece", "smece", "mce", "brier", "nll", "auroc", "auprc", "aurc", "prr")

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_BINNED = ("ece", "mce")  # the metrics that depend on a convention
_NLL_CLIP = float(np.finfo(np.float64).eps)
_SMECE_GRID = 1024  # intervals of [0, 1] on which residuals are smoothed
_SMECE_FLOOR = 0.001  # narrowest bandwidth, as in relplot
_SMECE_STEPS = 6
_EDGE_ULPS = 4  # a confidence within so many ulps (of 1, in its own precision) of a bin's edge lies on the edge


class ConventionError(ValueError):
    """Two numbers that were binned by different conventions cannot be compared."""


class Convention(StrEnum):
    """What an ECE bins, and to which bin an edge belongs."""

    EQUAL_WIDTH = "equal_width"  # p(correct) in [lo, hi), the last bin closed at 1 (numpy.histogram, netcal)
    RIGHT_CLOSED = "right_closed"  # p(correct) in (lo, hi], the first bin closed at 0 (Guo et al. 2017)
    TOP_LABEL = "top_label"  # max(p, 1 - p) against "is the likelier label right?", bins as equal_width
    KAPOOR = "kapoor"  # as top_label, but the last bin is half-open: confidence 1 falls out (Kapoor et al. 2024)


@dataclass(frozen=True)
class Binning:
    """A convention and its number of equal-width bins: what makes two ECEs comparable."""

    convention: Convention = Convention.EQUAL_WIDTH
    bins: int = 10

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ValueError(f"an ECE needs at least one bin, not {self.bins}")

    def __str__(self) -> str:
        return f"{self.convention}, {self.bins} bins"

    def bin_of(self, confidence: Floats, tolerance: float) -> Ints:
        """The bin of each confidence; `bins`, one past the last, for those that the convention leaves out."""
        position = confidence * self.bins
        edge = np.rint(position)
        on_edge = np.abs(position - edge) <= tolerance * self.bins
        if self.convention is Convention.RIGHT_CLOSED:
            return np.maximum(np.where(on_edge, edge, np.ceil(position)).astype(np.intp) - 1, 0)
        last = self.bins if self.convention is Convention.KAPOOR else self.bins - 1
        return np.minimum(np.where(on_edge, edge, np.floor(position)).astype(np.intp), last)


@dataclass(frozen=True)
class Metric:
    """A metric's value, or the reason why it has none; `binning` is set where the value depends on one (ECE, MCE)."""

    name: str
    value: float | None
    reason: str | None = None
    binning: Binning | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise ValueError(f"{self.name} needs either a value or a reason why it has none")

    def __sub__(self, other: Metric) -> Metric:
        """The difference of two values of one metric. ConventionError where they were binned differently."""
        if self.name != other.name:
            raise ValueError(f"{self.name} and {other.name} are different metrics: they have no difference")
        if self.binning != other.binning:
            how = f"{self.binning} and {other.binning}"
            raise ConventionError(f"{self.name}s by {how} cannot be compared: compute both by one convention")
        if self.value is None or other.value is None:
            return Metric(self.name, None, self.reason or other.reason, self.binning)
        return Metric(self.name, self.value - other.value, None, self.binning)


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows counted by confidence: all that metrics need to know of them.

    confidence: (u,) the distinct confidences, ascending. wrong, right: (u,) how many of each one's rows are which.
    tolerance: how far from a bin's edge a confidence still lies on it, from the precision of the input.
    """

    confidence: Floats
    wrong: Floats
    right: Floats
    tolerance: float

    @classmethod
    def of(cls, p: ArrayLike, correct: ArrayLike) -> Sample:
        """Check, sort and count rows. p: (n,) in [0, 1]; correct: (n,) bool or 0/1. ValueError as `checked`."""
        numbers, is_right = checked(p, correct)
        # Non-negative floats are ordered as their bits are: with the label in the lowest bit, one sort of integers does
        # what would take an argsort and two gathers, several times as slow. Adding 0 turns -0 into 0.
        keys = ((numbers + 0.0).view(np.int64) << 1) | is_right
        keys.sort()
        bits = keys >> 1
        starts = np.flatnonzero(np.diff(bits, prepend=-1))
        right = np.add.reduceat(keys & 1, starts).astype(np.float64)
        wrong = np.diff(starts, append=len(keys)) - right
        given = np.asarray(p).dtype
        precision = float(np.finfo(given if given.kind == "f" else np.float64).eps)
        return cls(bits[starts].view(np.float64), wrong, right, _EDGE_ULPS * precision)


def checked(p: ArrayLike, correct: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """p as float64 and correct as bool, both (n,). ValueError names the rows at fault, counted from 0."""
    numbers, labels = _numbers("p", p), _numbers("correct", correct)
    if numbers.ndim != 1 or numbers.shape != labels.shape:
        raise ValueError(f"p and correct must be 1-D and of equal length, not {numbers.shape} and {labels.shape}")
    _refuse("p must lie in [0, 1]", numbers, ~((numbers >= 0) & (numbers <= 1)))
    _refuse("correct must be 0 or 1", labels, (labels != 0) & (labels != 1))
    return numbers, labels == 1


def _numbers(name: str, values: ArrayLike) -> Floats:
    try:
        return np.asarray(values).astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold one number a row: {error}") from None


def _refuse(rule: str, values: Floats, wrong: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        shown = ", ".join(f"row {row} is {values[row]:g}" for row in rows[:5])
        more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
        raise ValueError(f"{rule}, but {shown}{more} (rows are counted from 0)")


def evaluate(
    p: ArrayLike, correct: ArrayLike, *, bins: int = 10, convention: Convention = Convention.EQUAL_WIDTH
) -> dict[str, Metric]:
    """All metrics of p(correct), in the order of METRIC_NAMES. p: (n,) in [0, 1]; correct: (n,) bool or 0/1.

    - accuracy: share of correct rows.
    - ece: expected calibration error, sum over bins of (rows in bin / rows) |mean confidence - accuracy|
      (Naeini et al. 2015), by `convention`. mce: the largest such gap of a bin that is not empty.
    - smece: smooth ECE (Blasiok & Nakkiran 2023, arXiv 2309.12236), see `_smooth_ece`.
    - brier: mean (p - correct)^2. nll: mean negative log-likelihood in nats, with p clipped to [2^-52, 1 - 2^-52]
      whatever the input's precision (scikit-learn's rule for float64), so that a certain error costs 36.04 nats.
    - auroc: the probability that a correct row has the higher confidence, ties counting one half.
    - auprc: average precision, sum of (step in recall) x precision over distinct confidences, correct being positive.
    - aurc: area under the risk-coverage curve (Geifman & El-Yaniv 2017), the mean over k = 1..n of the error rate among
      the k most confident rows; within ties, its expectation over random orders.
    - prr: (AURC_random - AURC) / (AURC_random - AURC_oracle), where random is the overall error rate and the oracle
      ranks every correct row above every wrong one: 1 is perfect, 0 is chance. This is the prediction-rejection ratio
      of Malinin & Gales (2021) on the error rate among the rows that are kept; on errors over all rows, the other
      curve in use, it would be 2 AUROC - 1.

    A metric that is not defined (no rows; one class only) has no value but a reason. Raises ValueError naming rows.
    """
    binning = Binning(convention, bins)
    sample = Sample.of(p, correct)
    if not len(sample.confidence):
        return {name: _metric(name, np.nan, sample, binning) for name in METRIC_NAMES}
    values = compute(sample, sample.wrong[None], sample.right[None], binning)
    return {name: _metric(name, float(values[name][0]), sample, binning) for name in METRIC_NAMES}


def _metric(name: str, value: float, sample: Sample, binning: Binning) -> Metric:
    used = binning if name in _BINNED else None
    if not np.isnan(value):
        return Metric(name, value, None, used)
    if not len(sample.confidence):
        return Metric(name, None, "there are no rows", used)
    if used:
        return Metric(name, None, f"every folded confidence is 1, which the convention {used.convention} drops", used)
    return Metric(name, None, "every answer is correct" if sample.right.any() else "no answer is correct")


def compute(sample: Sample, wrong: Floats, right: Floats, binning: Binning) -> dict[str, Floats]:
    """Every metric, (r,), NaN where undefined, for r sets of counts (r, u), none of them all zero."""
    confidence = sample.confidence
    rows, correct = (wrong + right).sum(axis=1), right.sum(axis=1)
    clipped = np.clip(confidence, _NLL_CLIP, 1 - _NLL_CLIP)
    return {
        "accuracy": correct / rows,
        "smece": _smooth_ece(confidence, wrong, right),
        "brier": (_dot(right, (1 - confidence) ** 2) + _dot(wrong, confidence**2)) / rows,
        "nll": -(_dot(right, np.log(clipped)) + _dot(wrong, np.log1p(-clipped))) / rows,
        **_binned_errors(sample, wrong, right, binning),
        **_ranking(wrong, right),
    }


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio: Floats = np.divide(numerator, denominator, out=np.full_like(denominator, np.nan), where=denominator > 0)
    return ratio


def _dot(weights: Floats, values: Floats) -> Floats:
    """Row-wise sums of products, without BLAS, whose order of summation depends on the number of threads."""
    sums: Floats = np.einsum("...u,...u->...", weights, values)
    return sums


def _sums(index: Ints, weights: Floats, size: int) -> Floats:
    """For each row of weights (r, u) its sums by index (u,), (r, size)."""
    return np.stack([np.bincount(index, row, size) for row in weights], dtype=np.float64)


def _binned(sample: Sample, wrong: Floats, right: Floats, binning: Binning) -> tuple[Floats, Floats, Floats]:
    """Rows, summed confidence and summed accuracy of each bin, each (r, bins)."""
    confidence, hits = sample.confidence, right
    if binning.convention in (Convention.TOP_LABEL, Convention.KAPOOR):
        # The likelier label is "wrong" at a tie, as it is for an arg max over (no, yes).
        confidence, hits = np.maximum(confidence, 1 - confidence), np.where(confidence > 0.5, right, wrong)
    index, rows = binning.bin_of(confidence, sample.tolerance), wrong + right
    count, total, hit = (_sums(index, weights, binning.bins + 1) for weights in (rows, rows * confidence, hits))
    return count[:, :-1], total[:, :-1], hit[:, :-1]


def _binned_errors(sample: Sample, wrong: Floats, right: Floats, binning: Binning) -> dict[str, Floats]:
    count, total, hit = _binned(sample, wrong, right, binning)
    gap, kept = np.abs(total - hit), count.sum(axis=1)
    largest = np.divide(gap, count, out=np.zeros_like(gap), where=count > 0).max(axis=1)
    return {"ece": _ratio(gap.sum(axis=1), kept), "mce": np.where(kept > 0, largest, np.nan)}


def _smooth_ece(confidence: Floats, wrong: Floats, right: Floats) -> Floats:
    """SmoothECE (Blasiok & Nakkiran 2023): the width s for which smECE_s = s.

    smECE_s is the integral over t in [0, 1] of |mean of K_s(t, p) (p - correct)|, K_s being a Gaussian of width s that
    is reflected at 0 and 1. Reflected Gaussian smoothing multiplies the k-th cosine coefficient by
    exp(-(pi k s)^2 / 2), so a cosine transform does it exactly, on a grid of 1024 midpoints between which residuals are
    split linearly. smECE_s falls with s: each evaluation bounds the fixed point from both sides. Widths stop at 0.001,
    where the authors' package stops too; a sample that is calibrated better than that gets smECE_0.001.
    """
    from scipy.fft import dct, idct

    position = np.clip(confidence * _SMECE_GRID - 0.5, 0, _SMECE_GRID - 1)
    node = position.astype(np.intp)
    upper = position - node
    residual = (wrong + right) * confidence - right
    mass = _sums(node, residual * (1 - upper), _SMECE_GRID + 1) + _sums(node + 1, residual * upper, _SMECE_GRID + 1)
    coefficients = dct(mass[:, :-1]) / (wrong + right).sum(axis=1, keepdims=True)
    exponents = -((np.pi * np.arange(_SMECE_GRID)) ** 2) / 2

    def smoothed(width: Floats) -> Floats:
        modes = int(9 / (np.pi * width.min())) + 1  # those damped less than exp(-40)
        damped = coefficients[:, :modes] * np.exp(exponents[:modes] * width[:, None] ** 2)
        area: Floats = np.abs(idct(damped, n=_SMECE_GRID)).sum(axis=1)
        return area

    low, width, high = (np.full(len(mass), bound) for bound in (_SMECE_FLOOR, 0.05, 1.0))
    value = guess = smoothed(width)
    for _ in range(_SMECE_STEPS):
        low, high = np.maximum(low, np.minimum(width, value)), np.minimum(high, np.maximum(width, value))
        step = np.clip(guess, low, high) - width
        before, width = value, width + step
        value = smoothed(width)
        slope = np.divide(value - before, step, out=np.zeros_like(step), where=step != 0)
        guess = width + (value - width) / (1 - np.minimum(slope, 0))  # rounding alone can make it rise
    return np.where(width > _SMECE_FLOOR, guess, value)


def _ranking(wrong: Floats, right: Floats) -> dict[str, Floats]:
    """The metrics of the order alone. For each confidence, rows above have a higher one, and rows kept no lower one."""
    rows = wrong + right
    n, correct = rows.sum(axis=1), right.sum(axis=1)
    above = n[:, None] - np.cumsum(rows, axis=1)
    wrong_above = (n - correct)[:, None] - np.cumsum(wrong, axis=1)
    kept = above + rows
    pairs = correct * (n - correct)
    auroc = 1 - _ratio(_dot(right, wrong_above + wrong / 2), pairs)
    auprc = _ratio(_dot(right, 1 - (wrong_above + wrong) / np.maximum(kept, 1)), correct)

    # Over random orders of a tie of m rows, e of them wrong, the expected number of wrong rows among the first N + j is
    # E + j e / m (N rows and E errors stand above it); the risks (E + j e / m) / (N + j) sum up in harmonic numbers.
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, int(n.max()) + 1))])
    steps = -np.diff(harmonic[kept.astype(np.intp)], axis=1, append=0.0)
    aurc = (n - correct + _dot(wrong_above - above * (wrong / np.maximum(rows, 1)), steps)) / n
    oracle = (n - correct - correct * (harmonic[n.astype(np.intp)] - harmonic[correct.astype(np.intp)])) / n
    random = (n - correct) / n  # by chance, the risk at every coverage is the overall error rate
    prr = _ratio(random - aurc, np.where(pairs > 0, random - oracle, 0))
    return {"auroc": auroc, "auprc": auprc, "aurc": aurc, "prr": prr}


@dataclass(frozen=True)
class ReliabilityBin:
    """One bar of a reliability diagram; confidence and accuracy are the bin's means, None where it is empty."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


def reliability_bins(
    p: ArrayLike, correct: ArrayLike, *, bins: int = 10, convention: Convention = Convention.EQUAL_WIDTH
) -> list[ReliabilityBin]:
    """The bins over which `evaluate` takes its ECE, from low to high. Raises ValueError naming rows."""
    sample = Sample.of(p, correct)
    sums = _binned(sample, sample.wrong[None], sample.right[None], Binning(convention, bins))
    return [
        ReliabilityBin(b / bins, (b + 1) / bins, int(n), float(total / n) if n else None, float(hit / n) if n else None)
        for b, (n, total, hit) in enumerate(zip(*(of_bins[0] for of_bins in sums), strict=True))
    ]


def risk_coverage(p: ArrayLike, correct: ArrayLike, *, points: int = 200) -> tuple[Floats, Floats]:
    """At most `points` even coverages, and the risk at each: the expected error rate of the most confident share."""
    sample = Sample.of(p, correct)
    rows, errors = (np.cumsum(np.append(0, of[::-1])) for of in (sample.wrong + sample.right, sample.wrong))
    n = rows[-1]
    kept = np.unique(np.rint(np.linspace(1, n, points))) if n else np.empty(0)
    return kept / max(n, 1), np.interp(kept, rows, errors) / kept


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row belongs to. names: sorted; codes: (n,) each row's index into them."""

    names: tuple[str, ...]
    codes: Ints

    @classmethod
    def of(cls, labels: ArrayLike) -> Groups:
        """Groups from one label a row, (n,) of texts or whole numbers; missing ones are a group of their own."""
        given = np.asarray(labels)
        given = given.astype(str) if given.dtype == object else given
        names, codes = np.unique(given, return_inverse=True)
        return cls(tuple(str(name) for name in names), codes)


def by_group(
    p: ArrayLike, correct: ArrayLike, group: ArrayLike | Groups
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Each group that has rows: its name, p and correct. ValueError names rows, counted in the whole."""
    shape = checked(p, correct)[0].shape
    split = group if isinstance(group, Groups) else Groups.of(group)
    if split.codes.shape != shape:
        raise ValueError(f"p and group must be of equal length, not {shape} and {split.codes.shape}")
    order = np.argsort(split.codes, kind="stable")
    sizes = np.bincount(split.codes, minlength=len(split.names))
    for name, size, end in zip(split.names, sizes, np.cumsum(sizes), strict=True):
        if size:
            yield name, np.asarray(p)[order[end - size : end]], np.asarray(correct)[order[end - size : end]]


@dataclass(frozen=True)
class GroupMean:
    """The unweighted mean of a metric over the groups that define it, and why the others do not (group -> reason)."""

    metric: Metric
    groups: int
    left_out: dict[str, str]


@dataclass(frozen=True)
class GroupedMetrics:
    """Each group's size and metrics, and every metric's mean over groups."""

    sizes: dict[str, int]
    groups: dict[str, dict[str, Metric]]
    mean: dict[str, GroupMean]


def evaluate_groups(
    p: ArrayLike,
    correct: ArrayLike,
    group: ArrayLike | Groups,
    *,
    bins: int = 10,
    convention: Convention = Convention.EQUAL_WIDTH,
) -> GroupedMetrics:
    """`evaluate` for each group (a subject, say) and the unweighted mean over groups. group: (n,) labels, or Groups."""
    rows = list(by_group(p, correct, group))
    groups = {name: evaluate(of, right, bins=bins, convention=convention) for name, of, right in rows}
    by_metric = {name: {key: metrics[name] for key, metrics in groups.items()} for name in METRIC_NAMES}
    means = {name: _mean(name, metrics, Binning(convention, bins)) for name, metrics in by_metric.items()}
    return GroupedMetrics({name: len(of) for name, of, _ in rows}, groups, means)


def _mean(name: str, metrics: dict[str, Metric], binning: Binning) -> GroupMean:
    values = [metric.value for metric in metrics.values() if metric.value is not None]
    left_out = {group: metric.reason for group, metric in metrics.items() if metric.reason}
    value = float(np.mean(values)) if values else None
    reason = None if values else "no group has a value" if metrics else "there are no rows"
    return GroupMean(Metric(name, value, reason, binning if name in _BINNED else None), len(values), left_out)
