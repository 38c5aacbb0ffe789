"""Single metrics and intervals of arrays, in one call."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from raycal.metrics.binning import Binning, Convention
from raycal.metrics.bootstrap import Bootstrap, Interval
from raycal.metrics.counts import CountedRows
from raycal.metrics.definitions import CountMatrix, MetricError
from raycal.metrics.formulas import ece as ece_of


def ece(
    p: ArrayLike, correct: ArrayLike, *, bins: int = 10, convention: Convention | str = Convention.EQUAL_WIDTH
) -> float:
    """The expected calibration error of p (n,) in [0, 1] against correct (n,) bool or 0/1, in [0, 1].

    Raises MetricError where it is undefined, and ValueError naming rows.

    >>> ece([0.25, 0.75, 1.0, 1.0], [0, 1, 1, 0])
    0.375
    """
    rows = CountedRows.of(p, correct)
    if not len(rows.confidence):
        raise MetricError("there is no ECE of no rows")
    value = float(ece_of(CountMatrix.of(rows, rows.wrong[None], rows.right[None], Binning(convention, bins)))[0])
    if math.isnan(value):
        raise MetricError(f"every folded confidence is 1, which the convention {convention} drops: there is no ECE")
    return value


def bootstrap(
    p: ArrayLike,
    correct: ArrayLike,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    bins: int = 10,
    convention: Convention | str = Convention.EQUAL_WIDTH,
) -> dict[str, Interval | None]:
    """Percentile intervals of all metrics of p (n,) in [0, 1] against correct (n,); None where one is undefined.

    level: of the intervals, in (0, 1). Raises ValueError for a setting out of range, and naming rows.

    >>> found = bootstrap([0.2, 0.8, 0.9], [0, 1, 1], replicates=100)["accuracy"]
    >>> found.low, found.high
    (0.0, 1.0)
    """
    return Bootstrap(replicates, level, seed, bins, convention).intervals(p, correct)
