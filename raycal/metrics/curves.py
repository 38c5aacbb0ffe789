"""The metrics drawn out: the bins behind an ECE, and the curve behind an AURC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from raycal.metrics.binning import Binning, Convention
from raycal.metrics.counts import CountedRows, Floats
from raycal.metrics.definitions import CountMatrix
from raycal.metrics.formulas import binned


@dataclass(frozen=True)
class ReliabilityBin:
    """One bar of a reliability diagram; confidence and accuracy are the bin's means, None where it is empty."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


def reliability_bins(
    p: ArrayLike, correct: ArrayLike, *, bins: int = 10, convention: Convention | str = Convention.EQUAL_WIDTH
) -> list[ReliabilityBin]:
    """The bins over which `evaluate` takes its ECE, from low to high. Raises ValueError naming rows."""
    sample = CountedRows.of(p, correct)
    sums = binned(CountMatrix.of(sample, sample.wrong[None], sample.right[None], Binning(convention, bins)))
    return [
        ReliabilityBin(b / bins, (b + 1) / bins, int(n), float(total / n) if n else None, float(hit / n) if n else None)
        for b, (n, total, hit) in enumerate(zip(*(of_bins[0] for of_bins in sums), strict=True))
    ]


def risk_coverage(p: ArrayLike, correct: ArrayLike, *, points: int = 200) -> tuple[Floats, Floats]:
    """At most `points` even coverages, and the risk at each: the expected error rate of the most confident share."""
    sample = CountedRows.of(p, correct)
    rows, errors = (np.cumsum(np.append(0, of[::-1])) for of in (sample.wrong + sample.right, sample.wrong))
    n = rows[-1]
    kept = np.unique(np.rint(np.linspace(1, n, points))) if n else np.empty(0)
    return kept / max(n, 1), np.interp(kept, rows, errors) / kept
