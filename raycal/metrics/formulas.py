"""The metrics' formulae, on counts of (confidence, correct): many sets of counts at a time, for the bootstrap."""

from __future__ import annotations

import numpy as np

from raycal.metrics.binning import Binning, Convention
from raycal.metrics.counts import CountedRows, Floats, Ints

_NLL_CLIP = float(np.finfo(np.float64).eps)
_SMECE_GRID = 1024  # intervals of [0, 1] on which residuals are smoothed
_SMECE_FLOOR = 0.001  # narrowest bandwidth, as in relplot
_SMECE_STEPS = 6


def compute(sample: CountedRows, wrong: Floats, right: Floats, binning: Binning) -> dict[str, Floats]:
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


def binned(sample: CountedRows, wrong: Floats, right: Floats, binning: Binning) -> tuple[Floats, Floats, Floats]:
    """Rows, summed confidence and summed accuracy of each bin, each (r, bins)."""
    confidence, hits = sample.confidence, right
    if binning.convention in (Convention.TOP_LABEL, Convention.KAPOOR):
        # The likelier label is "wrong" at a tie, as it is for an arg max over (no, yes).
        confidence, hits = np.maximum(confidence, 1 - confidence), np.where(confidence > 0.5, right, wrong)
    index, rows = binning.bin_of(confidence, sample.tolerance), wrong + right
    count, total, hit = (_sums(index, weights, binning.bins + 1) for weights in (rows, rows * confidence, hits))
    return count[:, :-1], total[:, :-1], hit[:, :-1]


def _binned_errors(sample: CountedRows, wrong: Floats, right: Floats, binning: Binning) -> dict[str, Floats]:
    count, total, hit = binned(sample, wrong, right, binning)
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
