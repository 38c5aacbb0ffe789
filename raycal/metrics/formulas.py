"""The metrics' formulae, on counts of (confidence, correct): many sets of counts at a time, for the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raycal.metrics.binning import Convention
from raycal.metrics.counts import Floats, Ints
from raycal.metrics.definitions import CountMatrix

_NLL_CLIP = float(np.finfo(np.float64).eps)
_SMECE_GRID = 1024  # intervals of [0, 1] on which residuals are smoothed
_SMECE_FLOOR = 0.001  # narrowest bandwidth, as in relplot
_SMECE_STEPS = 6


def accuracy(counts: CountMatrix) -> Floats:
    """The share of correct rows."""
    return counts.correct / counts.rows


def brier(counts: CountMatrix) -> Floats:
    """The mean squared error of the confidence."""
    right, wrong = _dot(counts.right, (1 - counts.confidence) ** 2), _dot(counts.wrong, counts.confidence**2)
    return (right + wrong) / counts.rows


def nll(counts: CountMatrix) -> Floats:
    """The mean negative log-likelihood of correctness, in nats, of confidences clipped to [2^-52, 1 - 2^-52]."""
    clipped = np.clip(counts.confidence, _NLL_CLIP, 1 - _NLL_CLIP)
    return -(_dot(counts.right, np.log(clipped)) + _dot(counts.wrong, np.log1p(-clipped))) / counts.rows


def ece(counts: CountMatrix) -> Floats:
    """The mean gap of confidence and accuracy over bins, weighted by their rows."""
    count, total, hit = counts.once(binned)
    return _ratio(np.abs(total - hit).sum(axis=1), count.sum(axis=1))


def mce(counts: CountMatrix) -> Floats:
    """The largest gap of confidence and accuracy of a bin that is not empty."""
    count, total, hit = counts.once(binned)
    gap = np.abs(total - hit)
    largest = np.divide(gap, count, out=np.zeros_like(gap), where=count > 0).max(axis=1)
    return np.where(count.sum(axis=1) > 0, largest, np.nan)


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


def binned(counts: CountMatrix) -> tuple[Floats, Floats, Floats]:
    """Rows, summed confidence and summed accuracy of each bin, each (r, bins)."""
    binning, confidence, hits = counts.binning, counts.confidence, counts.right
    if binning.convention in (Convention.TOP_LABEL, Convention.KAPOOR):
        # The likelier label is "wrong" at a tie, as it is for an arg max over (no, yes).
        hits = np.where(confidence > 0.5, counts.right, counts.wrong)
        confidence = np.maximum(confidence, 1 - confidence)
    index, rows = binning.bin_of(confidence, counts.tolerance), counts.wrong + counts.right
    count, total, hit = (_sums(index, weights, binning.bins + 1) for weights in (rows, rows * confidence, hits))
    return count[:, :-1], total[:, :-1], hit[:, :-1]


def smooth_ece(counts: CountMatrix) -> Floats:
    """SmoothECE (Blasiok & Nakkiran 2023): the width s for which smECE_s = s.

    smECE_s is the integral over t in [0, 1] of |mean of K_s(t, p) (p - correct)|, K_s being a Gaussian of width s that
    is reflected at 0 and 1. Reflected Gaussian smoothing multiplies the k-th cosine coefficient by
    exp(-(pi k s)^2 / 2), so a cosine transform does it exactly, on a grid of 1024 midpoints between which residuals are
    split linearly. smECE_s falls with s: each evaluation bounds the fixed point from both sides. Widths stop at 0.001,
    where the authors' package stops too; a sample that is calibrated better than that gets smECE_0.001.
    """
    from scipy.fft import dct, idct

    confidence, wrong, right = counts.confidence, counts.wrong, counts.right
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


@dataclass(frozen=True)
class _Ranking:
    """The metrics of the order alone, each (r,)."""

    auroc: Floats
    auprc: Floats
    aurc: Floats
    prr: Floats


def auroc(counts: CountMatrix) -> Floats:
    """The probability that a correct row has the higher confidence, ties counting one half."""
    return counts.once(_ranking).auroc


def auprc(counts: CountMatrix) -> Floats:
    """Average precision: the sum of (step in recall) x precision over distinct confidences, correct being positive."""
    return counts.once(_ranking).auprc


def aurc(counts: CountMatrix) -> Floats:
    """The mean over k = 1..n of the error rate among the k most confident rows, expected over orders of ties."""
    return counts.once(_ranking).aurc


def prr(counts: CountMatrix) -> Floats:
    """(AURC_random - AURC) / (AURC_random - AURC_oracle): 1 is perfect, 0 is chance."""
    return counts.once(_ranking).prr


def _ranking(counts: CountMatrix) -> _Ranking:
    """All of them at once. For each confidence, rows above have a higher one, and rows kept no lower one."""
    wrong, right = counts.wrong, counts.right
    rows, n, correct = wrong + right, counts.rows, counts.correct
    above = n[:, None] - np.cumsum(rows, axis=1)
    wrong_above = (n - correct)[:, None] - np.cumsum(wrong, axis=1)
    kept = above + rows
    pairs = correct * (n - correct)
    ranked_pairs = 1 - _ratio(_dot(right, wrong_above + wrong / 2), pairs)
    precision = _ratio(_dot(right, 1 - (wrong_above + wrong) / np.maximum(kept, 1)), correct)

    # Over random orders of a tie of m rows, e of them wrong, the expected number of wrong rows among the first N + j is
    # E + j e / m (N rows and E errors stand above it); the risks (E + j e / m) / (N + j) sum up in harmonic numbers.
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, int(n.max()) + 1))])
    steps = -np.diff(harmonic[kept.astype(np.intp)], axis=1, append=0.0)
    risk = (n - correct + _dot(wrong_above - above * (wrong / np.maximum(rows, 1)), steps)) / n
    oracle = (n - correct - correct * (harmonic[n.astype(np.intp)] - harmonic[correct.astype(np.intp)])) / n
    random = (n - correct) / n  # by chance, the risk at every coverage is the overall error rate
    rejection = _ratio(random - risk, np.where(pairs > 0, random - oracle, 0))
    return _Ranking(ranked_pairs, precision, risk, rejection)
