"""Which bin a confidence is in, and what the conventions make of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from metric_values import Rows, value

from raycal.metrics import Binning, Convention, ConventionError, evaluate, reliability_bins


def occupied(p: Any, **options: Any) -> list[int]:
    """The bins in which single rows land, None for those that are left out."""
    bins = reliability_bins(p, np.ones(len(p)), **options)
    return [b for b, its in enumerate(bins) if its.count]


@pytest.mark.parametrize("k", range(10))
@pytest.mark.parametrize(
    "spell",
    [
        lambda k: k / 10,
        lambda k: k * 0.1,
        lambda k: 0.1 * (k + 1) - 0.1,
        lambda k: 1 - (10 - k) / 10,
        lambda k: 1 - (1 - k / 10),
        lambda k: sum([0.1] * k),
        lambda k: k / 10 - math.ulp(k / 10),
        lambda k: float(np.float64(k) / 100 * 10),
    ],
)
def test_a_confidence_on_an_edge_is_in_the_bin_that_starts_there(k: int, spell: Callable[[int], float]) -> None:
    p = min(max(spell(k), 0.0), 1.0)
    assert occupied([p]) == [k]
    assert occupied([p], convention=Convention.RIGHT_CLOSED) == [max(k - 1, 0)]


@pytest.mark.parametrize("k", range(10))
def test_edges_hold_in_the_precision_of_the_input(k: int) -> None:
    for precision in (np.float16, np.float32):
        assert occupied(np.array([k / 10], dtype=precision)) == [k]
        assert occupied(1 - np.array([(10 - k) / 10], dtype=precision)) == [k]


def test_values_that_are_clearly_off_an_edge_stay_in_their_bin() -> None:
    assert occupied([0.3 - 1e-12]) == [2]
    assert occupied([0.3 + 1e-12], convention=Convention.RIGHT_CLOSED) == [3]
    assert occupied(np.array([0.2999], dtype=np.float32)) == [2]


@pytest.mark.parametrize(
    ("p", "convention", "bins"),
    [
        (0.0, Convention.EQUAL_WIDTH, [0]),
        (1.0, Convention.EQUAL_WIDTH, [9]),
        (0.0, Convention.RIGHT_CLOSED, [0]),
        (1.0, Convention.RIGHT_CLOSED, [9]),
        (0.1, Convention.TOP_LABEL, [9]),
        (0.3, Convention.TOP_LABEL, [7]),
        (0.0, Convention.TOP_LABEL, [9]),
        (0.3, Convention.KAPOOR, [7]),
        (0.0, Convention.KAPOOR, []),
        (1.0, Convention.KAPOOR, []),
    ],
)
def test_where_a_convention_puts_the_extremes(p: float, convention: Convention, bins: list[int]) -> None:
    assert occupied([p], convention=convention) == bins


def test_folding_judges_the_likelier_label() -> None:
    # 0.1 and wrong is a confident, right "wrong"; a tie at 0.5 is taken for "wrong".
    assert value("ece", [0.1, 0.1], [0, 0], convention=Convention.TOP_LABEL) == pytest.approx(0.1)
    assert value("ece", [0.1, 0.1], [1, 1], convention=Convention.TOP_LABEL) == pytest.approx(0.9)
    assert value("ece", [0.5, 0.55], [0, 1], convention=Convention.TOP_LABEL) == pytest.approx(0.475)


def test_kapoor_drops_certainty_from_the_weights_too() -> None:
    p, correct = [0.95, 1.0, 1.0], [1, 0, 0]
    assert value("ece", p, correct, convention=Convention.KAPOOR) == pytest.approx(0.05)
    assert value("ece", p, correct, convention=Convention.TOP_LABEL) == pytest.approx(2.95 / 3 - 1 / 3)


def test_kapoor_agrees_with_its_definition(thousand: Rows) -> None:
    p, correct = thousand
    folded, right = np.maximum(p, 1 - p), (p > 0.5) == correct
    edges = np.linspace(0, 1, 11)
    inside = [(folded >= low) & (folded < high) for low, high in pairwise(edges)]
    gaps = [(its.sum(), abs(folded[its].mean() - right[its].mean())) for its in inside if its.any()]
    expected = sum(n * gap for n, gap in gaps) / sum(n for n, _ in gaps)
    assert value("ece", p, correct, convention=Convention.KAPOOR) == pytest.approx(expected)
    assert value("mce", p, correct, convention=Convention.KAPOOR) == pytest.approx(max(gap for _, gap in gaps))


def test_only_equal_binnings_can_be_compared() -> None:
    p, correct = [0.2, 0.9], [0, 1]
    here = evaluate(p, correct)
    assert (here["ece"] - here["ece"]).value == 0
    for other in (evaluate(p, correct, convention=Convention.TOP_LABEL), evaluate(p, correct, bins=15)):
        for name in ("ece", "mce"):
            with pytest.raises(ConventionError, match="equal_width, 10 bins and"):
                here[name] - other[name]
        assert (here["auroc"] - other["auroc"]).value == 0
    with pytest.raises(ValueError, match="different metrics"):
        here["ece"] - here["mce"]


def test_an_ece_needs_a_bin() -> None:
    with pytest.raises(ValueError, match="at least one bin"):
        Binning(bins=0)
