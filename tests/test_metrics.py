"""Metrics against exact cases, brute-force definitions, scikit-learn, netcal and relplot."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycal.metrics import (
    METRIC_NAMES,
    Binning,
    Convention,
    ConventionError,
    Groups,
    Metric,
    evaluate,
    evaluate_groups,
    reliability_bins,
    risk_coverage,
)

Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]


def value(name: str, p: Any, correct: Any, **options: Any) -> float:
    found = evaluate(p, correct, **options)[name].value
    assert found is not None
    return found


def values(p: Any, correct: Any, **options: Any) -> dict[str, float | None]:
    return {name: metric.value for name, metric in evaluate(p, correct, **options).items()}


@st.composite
def rows(draw: st.DrawFn, both_classes: bool = False) -> Rows:
    """Up to 40 rows, with many ties, exact zeros and ones, and values on bin edges among them."""
    confidences = st.one_of(
        st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]), st.floats(0, 1), st.integers(0, 10).map(lambda k: k / 10)
    )
    p = draw(st.lists(confidences, min_size=2 if both_classes else 1, max_size=40))
    correct = draw(st.lists(st.booleans(), min_size=len(p), max_size=len(p)))
    if both_classes:
        correct[:2] = [True, False]
    return np.array(p), np.array(correct)


@pytest.fixture(scope="module")
def thousand() -> Rows:
    rng = np.random.default_rng(0)
    p = rng.random(1000)
    return p, rng.random(1000) < p


# ---------------------------------------------------------------------------------------------------------- exact cases


@pytest.mark.parametrize(
    ("p", "correct", "ece"),
    [
        ([0.9] * 10, [1] * 9 + [0], 0.0),
        ([0.2, 0.8], [1, 1], 0.5),
        ([0.95, 1.0], [1, 0], 0.475),
        ([1.0] * 4, [1, 1, 0, 0], 0.5),
        ([0.0], [0], 0.0),
    ],
)
def test_ece_of_small_exact_cases(p: list[float], correct: list[int], ece: float) -> None:
    assert value("ece", p, correct) == pytest.approx(ece, abs=1e-15)


def test_published_values_of_a_seeded_sample(thousand: Rows) -> None:
    assert value("ece", *thousand) == pytest.approx(0.030920, abs=5e-7)
    assert value("auroc", *thousand) == pytest.approx(0.833909, abs=5e-7)
    assert value("ece", *thousand, convention=Convention.TOP_LABEL) == pytest.approx(0.018815, abs=5e-7)


def test_constant_confidence_ranks_at_chance() -> None:
    found = values([1.0] * 4, [1, 0, 1, 0])
    assert (found["auroc"], found["prr"], found["aurc"]) == (0.5, 0.0, 0.5)


def test_perfect_and_inverted_ranking() -> None:
    perfect, inverted = values([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0]), values([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0])
    assert (perfect["auroc"], perfect["auprc"]) == (1.0, 1.0)
    assert perfect["prr"] == pytest.approx(1)
    assert perfect["aurc"] == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)
    assert inverted["auroc"] == 0.0
    assert inverted["aurc"] == pytest.approx((1 + 1 + 2 / 3 + 2 / 4) / 4)


def test_nll_is_clipped_at_certainty_whatever_the_precision() -> None:
    certain_error = -math.log(2.0**-52)
    assert value("nll", [1.0], [0]) == pytest.approx(certain_error)
    assert value("nll", np.array([1.0], dtype=np.float32), [0]) == pytest.approx(certain_error)
    assert value("nll", [0.0], [1]) == pytest.approx(certain_error)
    assert value("nll", [1.0, 0.0], [1, 0]) == pytest.approx(0, abs=1e-15)


# ---------------------------------------------------------------------------------------------- bins and conventions


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


def test_ece_is_the_weighted_gap_of_the_reliability_bins(thousand: Rows) -> None:
    for convention in Convention:
        bins = [its for its in reliability_bins(*thousand, bins=15, convention=convention) if its.count]
        gaps = [(its.count, abs((its.confidence or 0) - (its.accuracy or 0))) for its in bins]
        assert sum(n * gap for n, gap in gaps) / 1000 == pytest.approx(
            value("ece", *thousand, bins=15, convention=convention)
        )
        assert max(gap for _, gap in gaps) == pytest.approx(value("mce", *thousand, bins=15, convention=convention))


def test_empty_reliability_bins_have_no_means() -> None:
    bins = reliability_bins([0.05], [1], bins=4)
    assert [(its.low, its.high, its.count) for its in bins] == [
        (0, 0.25, 1),
        (0.25, 0.5, 0),
        (0.5, 0.75, 0),
        (0.75, 1, 0),
    ]
    assert bins[1].confidence is None
    assert bins[1].accuracy is None
    assert bins[0].confidence == pytest.approx(0.05)


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


def test_the_difference_of_an_undefined_metric_keeps_its_reason() -> None:
    difference = evaluate([0.5], [1])["auroc"] - evaluate([0.5, 0.6], [1, 0])["auroc"]
    assert difference == Metric("auroc", None, "every answer is correct")


def test_a_metric_has_a_value_or_a_reason() -> None:
    for wrong in ((0.5, "a reason"), (None, None), (None, "")):
        with pytest.raises(ValueError, match="either a value or a reason"):
            Metric("auroc", *wrong)
    with pytest.raises(ValueError, match="at least one bin"):
        Binning(bins=0)


# ------------------------------------------------------------------------------------- undefined values, invalid input


@pytest.mark.parametrize(
    ("correct", "undefined", "reason"),
    [
        ([1, 1], {"auroc", "prr"}, "every answer is correct"),
        ([0, 0], {"auroc", "auprc", "prr"}, "no answer is correct"),
    ],
)
def test_one_class_leaves_ranking_undefined_with_a_reason(correct: list[int], undefined: set[str], reason: str) -> None:
    found = evaluate([0.2, 0.7], correct)
    assert {name: metric.reason for name, metric in found.items() if metric.value is None} == dict.fromkeys(
        undefined, reason
    )


def test_no_rows_leave_everything_undefined() -> None:
    found = evaluate([], [])
    assert list(found) == list(METRIC_NAMES)
    assert {metric.reason for metric in found.values()} == {"there are no rows"}
    assert {metric.value for metric in found.values()} == {None}


def test_kapoor_has_no_ece_where_all_rows_are_certain() -> None:
    found = evaluate([1.0, 0.0], [1, 0], convention=Convention.KAPOOR)
    assert found["ece"].value is None
    assert "kapoor drops" in str(found["ece"].reason)
    assert found["brier"].value == 0


@pytest.mark.parametrize(
    ("p", "correct", "message"),
    [
        ([0.5, math.nan], [1, 0], "row 1 is nan"),
        ([0.5, 0.2, 1.5], [1, 0, 0], r"row 2 is 1\.5"),
        ([-0.1, 0.2], [1, 0], r"row 0 is -0\.1"),
        ([math.inf], [1], "row 0 is inf"),
        ([2.0] * 9, [1] * 9, "row 4 is 2 and 4 more"),
        ([0.5, 0.5], [1, 2], "correct must be 0 or 1, but row 1 is 2"),
        ([0.5, 0.5], [1, math.nan], "row 1 is nan"),
        ([0.5], [1, 0], "equal length"),
        ([[0.5]], [[1]], "1-D"),
        (["high"], [1], "p must hold one number a row"),
        ([0.5], ["yes"], "correct must hold one number a row"),
    ],
)
def test_invalid_rows_are_named(p: Any, correct: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(p, correct)


# ------------------------------------------------------------------------------------------------- invariants


@given(rows(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(given_rows: Rows, random: Any) -> None:
    p, correct = given_rows
    order = list(range(len(p)))
    random.shuffle(order)
    for convention in Convention:
        assert evaluate(p, correct, convention=convention) == evaluate(p[order], correct[order], convention=convention)


@given(rows())
def test_values_stay_in_their_ranges(given_rows: Rows) -> None:
    for convention in Convention:
        found = values(*given_rows, convention=convention)
        for name in ("accuracy", "ece", "smece", "mce", "brier", "auroc", "auprc", "aurc"):
            assert -1e-12 <= (found[name] or 0) <= 1 + 1e-12, name
        assert (found["prr"] or 0) <= 1 + 1e-9
        assert (found["nll"] or 0) >= 0


@given(rows())
def test_the_gap_of_means_bounds_calibration_errors_from_below(given_rows: Rows) -> None:
    p, correct = given_rows
    found = values(p, correct)
    gap = abs(p.mean() - correct.mean())
    assert found["ece"] is not None
    assert found["smece"] is not None
    assert found["mce"] is not None
    assert gap - 1e-9 <= found["ece"] <= found["mce"] + 1e-12
    assert gap - 1e-6 <= found["smece"]


@given(rows())
def test_brier_is_at_least_the_squared_ece(given_rows: Rows) -> None:
    # The reliability term of Murphy's decomposition is at least its square root's mean squared (Jensen).
    found = values(*given_rows)
    assert found["ece"] is not None
    assert found["brier"] is not None
    assert found["ece"] ** 2 <= found["brier"] + 1e-12


@given(rows(both_classes=True))
def test_ranking_metrics_depend_on_the_order_alone(given_rows: Rows) -> None:
    p, correct = given_rows
    _, rank = np.unique(p, return_inverse=True)
    squeezed = 0.2 + 0.5 * rank / max(rank.max(), 1)
    before, after = values(p, correct), values(squeezed, correct)
    for name in ("auroc", "auprc", "aurc", "prr"):
        assert before[name] == pytest.approx(after[name])


@given(rows(both_classes=True))
def test_reversing_the_order_reverses_auroc(given_rows: Rows) -> None:
    p, correct = given_rows
    _, rank = np.unique(p, return_inverse=True)
    score = rank / max(rank.max(), 1)  # 1 - p itself may merge neighbours
    assert value("auroc", 1 - score, correct) == pytest.approx(1 - value("auroc", score, correct))
    assert value("auroc", score, ~correct) == pytest.approx(1 - value("auroc", score, correct))


@given(rows())
def test_repeating_every_row_changes_no_average(given_rows: Rows) -> None:
    p, correct = given_rows
    once, twice = values(p, correct), values(np.repeat(p, 2), np.repeat(correct, 2))
    for name in ("accuracy", "ece", "smece", "mce", "brier", "nll", "auroc", "auprc"):
        assert once[name] is None or once[name] == pytest.approx(twice[name], abs=1e-9)


# ------------------------------------------------------------------------------------ definitions by brute force


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


def test_risk_coverage_curve() -> None:
    coverage, risk = risk_coverage([0.9, 0.5, 0.5, 0.1], [1, 0, 1, 0])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 0.25, 1 / 3, 0.5])


@given(rows())
def test_the_mean_of_all_risk_coverage_points_is_aurc(given_rows: Rows) -> None:
    coverage, risk = risk_coverage(*given_rows)
    assert coverage[-1] == 1
    assert risk.mean() == pytest.approx(value("aurc", *given_rows))


def test_risk_coverage_is_thinned_evenly(thousand: Rows) -> None:
    coverage, risk = risk_coverage(*thousand, points=11)
    assert len(coverage) == len(risk) == 11
    assert np.ptp(np.diff(coverage)) <= 0.0011
    assert [len(axis) for axis in risk_coverage([], [])] == [0, 0]


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


# ------------------------------------------------------------------------------------------------ other libraries


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


# ------------------------------------------------------------------------------------------------------------ groups


def test_the_mean_over_groups_is_unweighted_and_counts_who_is_left_out() -> None:
    p, correct = [0.9, 0.1, 0.5, 0.5, 0.8], [1, 0, 1, 0, 1]
    found = evaluate_groups(p, correct, ["a", "a", "b", "b", "c"])
    assert found.sizes == {"a": 2, "b": 2, "c": 1}
    assert found.mean["auroc"].metric.value == pytest.approx((1 + 0.5) / 2)
    assert (found.mean["auroc"].groups, found.mean["auroc"].left_out) == (2, {"c": "every answer is correct"})
    assert found.mean["accuracy"].metric.value == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert found.mean["accuracy"].left_out == {}
    assert found.groups["b"] == evaluate([0.5, 0.5], [1, 0])
    assert found.mean["ece"].metric.binning == Binning()


def test_a_mean_that_no_group_defines_has_a_reason() -> None:
    found = evaluate_groups([0.9, 0.1], [1, 1], ["a", "b"])
    assert found.mean["auroc"].metric == Metric("auroc", None, "no group has a value")
    assert evaluate_groups([], [], []).mean["ece"].metric.reason == "there are no rows"


def test_groups_may_be_numbers_and_do_not_depend_on_order() -> None:
    p, correct, group = np.array([0.9, 0.1, 0.4]), np.array([1, 0, 1]), np.array([10, 2, 10])
    order = [2, 0, 1]
    found = evaluate_groups(p, correct, group)
    assert list(found.sizes) == ["2", "10"]
    assert found == evaluate_groups(p[order], correct[order], group[order])


def test_groups_without_rows_are_no_groups() -> None:
    split = Groups(("a", "b", "c"), np.array([2, 0, 2]))
    assert evaluate_groups([0.5, 0.6, 0.7], [1, 0, 0], split).sizes == {"a": 1, "c": 2}


def test_invalid_rows_of_groups_are_named_in_the_whole() -> None:
    with pytest.raises(ValueError, match="row 2 is 3"):
        evaluate_groups([0.5, 0.5, 3.0], [1, 0, 1], ["a", "b", "b"])
    with pytest.raises(ValueError, match="p and group must be of equal length"):
        evaluate_groups([0.5, 0.5], [1, 0], ["a"])


def test_importing_is_light() -> None:
    heavy = "{'scipy', 'sklearn', 'pandas', 'duckdb', 'pyarrow', 'torch'}"
    code = f"import sys, raycal.metrics, raycal.bootstrap, raycal.metrics_file; print(*{heavy} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
