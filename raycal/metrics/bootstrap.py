"""Percentile bootstrap over questions: intervals of every metric, and paired differences between methods.

A replicate draws n questions with replacement and is reduced at once to counts of (confidence, correct); the metrics of
many replicates are then sums over one matrix of counts, by the functions that compute the point values. Nothing is
sorted again. Draws are made from a canonical order of the rows, so that the order of the input does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raycal.metrics import (
    Binning,
    Convention,
    CountedRows,
    Floats,
    Groups,
    Ints,
    Metric,
    by_group,
    checked,
    evaluate,
    metric_definitions,
)
from raycal.metrics.definitions import CountMatrix

MOST_REPLICATES = 1_000_000  # whose metrics are in memory together
_CHUNK = 1 << 20  # counts, and bins, in memory at a time


@dataclass(frozen=True)
class Interval:
    """A percentile interval; `left_out` of the replicates were not used, because the metric is undefined in them."""

    low: float
    high: float
    level: float
    replicates: int
    left_out: int


@dataclass(frozen=True)
class Difference:
    """A metric of one method minus that of another, over the same questions; no interval where it has no value."""

    metric: Metric
    interval: Interval | None


@dataclass(frozen=True)
class Comparison:
    """The differences between two methods over the n questions for which both have a confidence."""

    n: int
    differences: dict[str, Difference]


@dataclass(frozen=True, eq=False)
class PairedScores:
    """One method's questions: ids (n,) of texts or whole numbers, each once; p (n,) in [0, 1]; correct (n,) bool."""

    ids: ArrayLike
    p: ArrayLike
    correct: ArrayLike

    def __post_init__(self) -> None:
        checked(self.p, self.correct)
        ids, counts = np.unique(self._ids, return_counts=True)
        if len(self._ids) != len(np.asarray(self.p)):
            raise ValueError(f"there are {len(self._ids)} ids for {len(np.asarray(self.p))} rows")
        if (counts > 1).any():
            raise ValueError(f"the id {str(ids[counts > 1][0])!r} occurs more than once: one row a question")

    @property
    def _ids(self) -> NDArray[Any]:
        ids = np.asarray(self.ids)
        return ids.astype(str) if ids.dtype == object else ids

    def paired(self, other: PairedScores) -> tuple[PairedScores, PairedScores]:
        """Both methods' rows of the questions that they share, in the order of the ids."""
        common, own, others = np.intersect1d(self._ids, other._ids, assume_unique=True, return_indices=True)
        return self._taken(common, own), other._taken(common, others)

    def _taken(self, ids: NDArray[Any], rows: Ints) -> PairedScores:
        return PairedScores(ids, np.asarray(self.p)[rows], np.asarray(self.correct)[rows])


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: equal settings and equal rows, in any order, make equal intervals.

    A percentile interval of a biased estimate shares its bias: resampling adds noise to every bin, so that the interval
    of the ECE of a well calibrated method lies above its value.
    """

    replicates: int = 1000
    level: float = 0.95
    seed: int = 0
    bins: int = 10
    convention: Convention | str = Convention.EQUAL_WIDTH

    def __post_init__(self) -> None:
        if self.replicates < 1:
            raise ValueError(f"a bootstrap needs at least one replicate, not {self.replicates}")
        if self.replicates > MOST_REPLICATES:
            raise ValueError(f"a bootstrap has {MOST_REPLICATES:,} replicates at most, not {self.replicates:,}")
        if not 0 < self.level < 1:
            raise ValueError(f"the level of an interval lies between 0 and 1, but is {self.level}")

    def intervals(self, p: ArrayLike, correct: ArrayLike) -> dict[str, Interval | None]:
        """The interval of every metric of `evaluate`; None where the metric itself is undefined."""
        return {name: self._interval(values) for name, values in self._replicate(p, correct, stream=0).items()}

    def group_mean_intervals(
        self, p: ArrayLike, correct: ArrayLike, group: ArrayLike | Groups
    ) -> dict[str, Interval | None]:
        """The interval of every metric's mean over groups, questions being drawn within each group.

        A group in which a metric is undefined in some replicate is left out of that replicate's mean, as it would be
        left out of the mean of `evaluate_groups`.
        """
        names = list(metric_definitions())
        total = {name: np.zeros(self.replicates) for name in names}
        defined = {name: np.zeros(self.replicates) for name in names}
        for stream, (_, confidence, right) in enumerate(by_group(p, correct, group), 1):
            for name, values in self._replicate(confidence, right, stream).items():
                total[name] += np.nan_to_num(values)
                defined[name] += ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            return {name: self._interval(total[name] / defined[name]) for name in names}

    def compare(self, method: PairedScores, baseline: PairedScores) -> Comparison:
        """Method minus baseline, for every metric over the questions that both have, with paired intervals.

        Both are resampled by the same draws. Both are binned by this bootstrap's convention; values that were computed
        by others are compared by `Metric.__sub__`, which refuses different conventions.
        """
        pair = method.paired(baseline)
        samples = [CountedRows.of(scores.p, scores.correct) for scores in pair]
        cells = [_cells_of_rows(sample, scores) for sample, scores in zip(samples, pair, strict=True)]
        ours, theirs = self._resample(samples, cells, stream=0)
        our_point, their_point = (
            evaluate(scores.p, scores.correct, bins=self.bins, convention=self.convention) for scores in pair
        )
        differences = {
            name: Difference(our_point[name] - their_point[name], self._interval(ours[name] - theirs[name]))
            for name in our_point
        }
        return Comparison(len(cells[0]), differences)

    def _replicate(self, p: ArrayLike, correct: ArrayLike, stream: int) -> dict[str, Floats]:
        sample = CountedRows.of(p, correct)
        counts = np.concatenate([sample.wrong, sample.right]).astype(np.intp)
        (values,) = self._resample([sample], [np.repeat(np.arange(len(counts)), counts)], stream)
        return values

    def _resample(self, samples: Sequence[CountedRows], cells: Sequence[Ints], stream: int) -> list[dict[str, Floats]]:
        """Each sample's metrics in every replicate, NaN where undefined; row i of all samples is the same question.

        cells: for each sample (n,), a row's position in the concatenation of the sample's wrong and right counts.
        """
        n = len(cells[0])
        definitions, binning = metric_definitions(), Binning(self.convention, self.bins)
        values = [{name: np.full(self.replicates, np.nan) for name in definitions} for _ in samples]
        random = np.random.default_rng([self.seed, stream])
        sizes = [2 * len(sample.confidence) for sample in samples]
        chunk = max(1, _CHUNK // max(*sizes, self.bins))
        for start in range(0, self.replicates if n else 0, chunk):
            stop = min(start + chunk, self.replicates)
            counts = [np.empty((stop - start, size)) for size in sizes]
            for replicate in range(stop - start):
                drawn = random.integers(n, size=n)
                for of_sample, cell, size in zip(counts, cells, sizes, strict=True):
                    of_sample[replicate] = np.bincount(cell[drawn], minlength=size)
            for sample, of_sample, computed in zip(samples, counts, values, strict=True):
                wrong, right = np.split(of_sample, 2, axis=1)
                matrix = CountMatrix.of(sample, wrong, right, binning)
                for name, definition in definitions.items():
                    computed[name][start:stop] = definition.values(matrix)
        return values

    def _interval(self, values: Floats) -> Interval | None:
        defined = values[~np.isnan(values)]
        if not len(defined):
            return None
        low, high = np.quantile(defined, [(1 - self.level) / 2, (1 + self.level) / 2])
        return Interval(float(low), float(high), self.level, len(defined), len(values) - len(defined))


def _cells_of_rows(sample: CountedRows, scores: PairedScores) -> Ints:
    p, correct = checked(scores.p, scores.correct)
    return np.searchsorted(sample.confidence, p) + len(sample.confidence) * correct
