"""Metrics against brute-force definitions, scikit-learn, netcal and relplot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, permutations

import numpy as np
import pytest
from metric_values import Rows, value
from numpy.typing import NDArray


def brute_force_aurc(p: Sequence[float], correct: Sequence[bool]) -> float:
    """The mean AURC over all orders of the rows that respect the confidences."""
    areas = []
    for order in permutations(range(len(p))):
        if all(p[a] >= p[b] for a, b in pairwise(order)):
            errors = np.cumsum([not correct[row] for row in order])
            areas.append(np.mean(errors / np.arange(1, len(p) + 1)))
    return float(np.mean(areas))


@pytest.mark.parametrize("seed", range(8))
def test_aurc_is_the_expectation_over_random_tie_breaking(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, correct = rng.integers(0, 4, 7) / 4, rng.random(7) < 0.6
    assert value("aurc", p, correct) == pytest.approx(brute_force_aurc(list(p), list(correct)))


def test_prr_by_its_definition(thousand: Rows) -> None:
    p, correct = thousand
    k = np.arange(1, 1001)
    aurc = np.mean(np.cumsum(~correct[np.argsort(-p)]) / k)
    oracle = np.mean(np.cumsum(np.sort(~correct)) / k)
    random = np.mean(~correct)
    assert value("aurc", p, correct) == pytest.approx(aurc)
    assert value("prr", p, correct) == pytest.approx((random - aurc) / (random - oracle))


def test_harmonic_sums_stay_exact_on_many_rows() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(300_000)
    correct = rng.random(300_000) < p
    risks = np.cumsum(~correct[np.argsort(-p)]) / np.arange(1, 300_001)
    assert value("aurc", p, correct) == pytest.approx(risks.mean(), rel=1e-10)


def brute_force_smece(p: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """SmoothECE by dense sums over the images of each confidence under reflection, and bisection."""
    t = (np.arange(2000) + 0.5) / 2000
    residual = (p - correct) / len(p)
    images = np.concatenate([sign * p + 2 * shift for sign in (1, -1) for shift in range(-2, 3)])

    def at(width: float) -> float:
        kernel = np.exp(-(((t[:, None] - images) / width) ** 2) / 2) / (width * math.sqrt(2 * math.pi))
        return float(np.abs(kernel @ np.tile(residual, 10)).mean())

    low, high = 0.001, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle) > middle else (low, middle)
    return at(low) if low == 0.001 else low


@pytest.mark.parametrize("n", [3, 20])
@pytest.mark.parametrize("seed", range(4))
def test_smece_by_its_definition(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.integers(0, 5, n) / 4 if seed % 2 else rng.beta(3, 1, n)
    correct = rng.random(n) < p**2
    assert value("smece", p, correct) == pytest.approx(brute_force_smece(p, correct), abs=1e-5)


def test_smece_of_one_sided_errors_is_their_mean() -> None:
    # Reflected smoothing keeps mass, and nothing cancels.
    assert value("smece", [1.0] * 4, [1, 0, 1, 0]) == pytest.approx(0.5)
    assert value("smece", [0.9, 0.6, 0.7], [0, 0, 0]) == pytest.approx(2.2 / 3)


def test_smece_of_calibrated_extremes_is_zero() -> None:
    assert value("smece", [0.0, 1.0, 1.0], [0, 1, 1]) == 0


@pytest.mark.parametrize("discrete", [False, True])
def test_scikit_learn_agrees(discrete: bool) -> None:
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    rng = np.random.default_rng(3)
    p = rng.integers(0, 11, 500) / 10 if discrete else rng.beta(2, 1, 500)
    correct = rng.random(500) < p * 0.8 + 0.1
    assert value("brier", p, correct) == pytest.approx(brier_score_loss(correct, p))
    assert value("nll", p, correct) == pytest.approx(log_loss(correct, p))
    assert value("auroc", p, correct) == pytest.approx(roc_auc_score(correct, p))
    assert value("auprc", p, correct) == pytest.approx(average_precision_score(correct, p))


@pytest.mark.parametrize("bins", [5, 10, 15])
def test_netcal_agrees(thousand: Rows, bins: int) -> None:
    from netcal.metrics import ECE, MCE

    p, correct = thousand
    assert value("ece", p, correct, bins=bins) == pytest.approx(ECE(bins).measure(p, correct.astype(int)))
    assert value("mce", p, correct, bins=bins) == pytest.approx(MCE(bins).measure(p, correct.astype(int)))


@pytest.mark.parametrize(("n", "bias"), [(200, 0.0), (2000, 0.0), (2000, 0.1), (5000, 0.3)])
def test_relplot_agrees_within_its_search_step(n: int, bias: float) -> None:
    # Away from 0 and 1: relplot reflects the mass that lies exactly on an end once instead of twice.
    import relplot

    rng = np.random.default_rng(n)
    p = rng.beta(2, 2, n)
    correct = rng.random(n) < np.clip(p - bias, 0, 1)
    assert value("smece", p, correct) == pytest.approx(relplot.smECE(p, correct.astype(float)), abs=1.5e-3)
