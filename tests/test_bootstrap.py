"""The bootstrap against resampling rows one replicate at a time, and its invariants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from raycal.metrics import METRIC_NAMES, Convention, ConventionError, evaluate, evaluate_groups
from raycal.metrics.bootstrap import Bootstrap, Interval, PairedScores

Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]


@pytest.fixture
def rows() -> Rows:
    rng = np.random.default_rng(0)
    p = np.round(rng.beta(3, 1, 120), 2)
    return p, rng.random(120) < p**2


def resampled(rows: Rows, replicates: int, stream: int = 0) -> list[dict[str, float]]:
    """`evaluate` on the rows that the bootstrap of seed 0 draws, NaN where undefined."""
    p, correct = rows
    order = np.lexsort((p, correct))
    random = np.random.default_rng([0, stream])
    found = []
    for _ in range(replicates):
        drawn = order[random.integers(len(p), size=len(p))]
        metrics = evaluate(p[drawn], correct[drawn])
        found.append({name: np.nan if its.value is None else its.value for name, its in metrics.items()})
    return found


def test_an_interval_holds_the_percentiles_of_evaluate_over_resampled_rows(rows: Rows) -> None:
    naive = resampled(rows, 50)
    intervals = Bootstrap(replicates=50, level=0.8).intervals(*rows)
    assert list(intervals) == list(METRIC_NAMES)
    for name, interval in intervals.items():
        assert interval is not None
        expected = np.quantile([values[name] for values in naive], [0.1, 0.9])
        np.testing.assert_allclose([interval.low, interval.high], expected, atol=1e-9, err_msg=name)
        assert (interval.level, interval.replicates, interval.left_out) == (0.8, 50, 0)


def test_the_interval_of_accuracy_is_that_of_theory() -> None:
    correct = np.arange(2000) % 4 > 0
    interval = Bootstrap().intervals(np.full(2000, 0.5), correct)["accuracy"]
    assert interval is not None
    half = 1.96 * np.sqrt(0.75 * 0.25 / 2000)
    assert interval.low == pytest.approx(0.75 - half, abs=0.003)
    assert interval.high == pytest.approx(0.75 + half, abs=0.003)


def test_equal_seeds_make_equal_intervals_and_others_do_not(rows: Rows) -> None:
    assert Bootstrap(50).intervals(*rows) == Bootstrap(50).intervals(*rows)
    assert Bootstrap(50).intervals(*rows) != Bootstrap(50, seed=1).intervals(*rows)


def test_the_order_of_rows_does_not_matter(rows: Rows) -> None:
    p, correct = rows
    order = np.random.default_rng(1).permutation(len(p))
    group, ids = np.arange(len(p)) % 3, np.array([f"q{i}" for i in range(len(p))])
    settings = Bootstrap(50)
    assert settings.intervals(p, correct) == settings.intervals(p[order], correct[order])
    assert settings.group_mean_intervals(p, correct, group) == settings.group_mean_intervals(
        p[order], correct[order], group[order]
    )
    ours, theirs = PairedScores(ids, p, correct), PairedScores(ids, 1 - p, correct)
    shuffled = PairedScores(ids[order], p[order], correct[order])
    assert settings.compare(ours, theirs) == settings.compare(shuffled, theirs)


def test_rows_too_many_to_be_resampled_at_once_have_the_same_intervals() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(40_000)  # their counts in all replicates would be 40 times as many
    rows = (p, rng.random(40_000) < p)
    naive = resampled(rows, 40)
    intervals = Bootstrap(40, level=0.8).intervals(*rows)
    for name in ("accuracy", "ece", "brier", "auroc"):
        expected = np.quantile([values[name] for values in naive], [0.1, 0.9])
        interval = intervals[name]
        assert interval is not None
        np.testing.assert_allclose([interval.low, interval.high], expected, atol=1e-9, err_msg=name)


def test_replicates_in_which_a_metric_is_undefined_are_left_out_and_counted() -> None:
    found = Bootstrap(200).intervals([0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0])
    auroc, ece = found["auroc"], found["ece"]
    assert auroc is not None
    assert ece is not None
    assert 30 < auroc.left_out < 100  # no correct row is drawn with probability (3/4)^4 = 0.32
    assert auroc.replicates + auroc.left_out == 200
    assert ece == Interval(ece.low, ece.high, 0.95, 200, 0)


def test_an_undefined_metric_has_no_interval() -> None:
    found = Bootstrap(20).intervals([0.5, 0.6], [1, 1])
    assert {name for name, interval in found.items() if interval is None} == {"auroc", "prr"}
    assert set(Bootstrap(20).intervals([], []).values()) == {None}


@pytest.mark.parametrize("convention", list(Convention))
def test_every_convention_is_resampled(rows: Rows, convention: Convention) -> None:
    point = evaluate(*rows, convention=convention, bins=4)["ece"].value
    interval = Bootstrap(100, bins=4, convention=convention).intervals(*rows)["ece"]
    assert interval is not None
    assert point is not None
    assert interval.low - 0.02 < point < interval.high


# ---------------------------------------------------------------------------------------------------- mean over groups


def test_the_mean_over_groups_is_resampled_within_groups(rows: Rows) -> None:
    p, correct = rows
    group = np.where(np.arange(len(p)) < 100, "a", "b")
    naive = [resampled((p[group == name], correct[group == name]), 40, stream) for stream, name in ((1, "a"), (2, "b"))]
    intervals = Bootstrap(40).group_mean_intervals(p, correct, group)
    assert intervals
    for name, interval in intervals.items():
        assert interval is not None
        means = [np.nanmean([a[name], b[name]]) for a, b in zip(*naive, strict=True)]
        np.testing.assert_allclose([interval.low, interval.high], np.quantile(means, [0.025, 0.975]), atol=1e-9)


def test_groups_that_do_not_define_a_metric_do_not_spoil_the_mean() -> None:
    p, correct, group = [0.9, 0.1, 0.8, 0.2, 0.5], [1, 0, 1, 0, 1], ["a", "a", "a", "a", "b"]
    assert evaluate_groups(p, correct, group).mean["auroc"].left_out == {"b": "every answer is correct"}
    interval = Bootstrap(50).group_mean_intervals(p, correct, group)["auroc"]
    assert interval is not None
    assert (interval.low, interval.high) == (1, 1)
    assert Bootstrap(50).group_mean_intervals([0.5, 0.6], [1, 1], ["a", "b"])["auroc"] is None


# ------------------------------------------------------------------------------------------------- paired differences


def test_a_method_does_not_differ_from_itself(rows: Rows) -> None:
    scores = PairedScores(np.arange(120), *rows)
    found = Bootstrap(50).compare(scores, scores)
    assert found.n == 120
    assert list(found.differences) == list(METRIC_NAMES)
    for difference in found.differences.values():
        assert difference.metric.value == 0
        assert difference.interval == Interval(0, 0, 0.95, 50, 0)


def test_differences_are_those_of_evaluate_and_antisymmetric(rows: Rows) -> None:
    p, correct = rows
    ours, theirs = PairedScores(np.arange(120), p, correct), PairedScores(np.arange(120), p**2, correct)
    there, back = Bootstrap(50).compare(ours, theirs), Bootstrap(50).compare(theirs, ours)
    for name in METRIC_NAMES:
        difference, opposite = there.differences[name], back.differences[name]
        assert difference.metric == evaluate(p, correct)[name] - evaluate(p**2, correct)[name]
        assert difference.interval is not None
        assert opposite.interval is not None
        assert difference.interval.low == pytest.approx(-opposite.interval.high)


def test_both_methods_are_resampled_by_the_same_questions(rows: Rows) -> None:
    p, correct = rows
    ids = np.arange(120)
    found = Bootstrap(30).compare(PairedScores(ids, p, correct), PairedScores(ids, p**3, ~correct))
    random = np.random.default_rng([0, 0])
    naive = []
    for _ in range(30):
        drawn = random.integers(120, size=120)
        ours, theirs = evaluate(p[drawn], correct[drawn]), evaluate(p[drawn] ** 3, ~correct[drawn])
        naive.append({name: (ours[name] - theirs[name]).value for name in METRIC_NAMES})
    assert list(found.differences) == list(METRIC_NAMES)
    for name, difference in found.differences.items():
        assert difference.interval is not None
        replicates = np.array([values[name] for values in naive], np.float64)
        expected = np.quantile(replicates, [0.025, 0.975])
        np.testing.assert_allclose([difference.interval.low, difference.interval.high], expected, atol=1e-9)


def test_pairing_removes_the_noise_that_methods_share(rows: Rows) -> None:
    p, correct = rows
    settings = Bootstrap(200)
    paired = settings.compare(
        PairedScores(np.arange(120), p, correct), PairedScores(np.arange(120), p - p / 50, correct)
    )
    difference, alone = paired.differences["brier"].interval, settings.intervals(p, correct)["brier"]
    assert difference is not None
    assert alone is not None
    assert difference.high - difference.low < (alone.high - alone.low) / 5


def test_methods_are_compared_over_the_questions_that_both_have() -> None:
    ours = PairedScores(["a", "b", "c", "d"], [0.9, 0.2, 0.7, 0.1], [1, 0, 1, 0])
    theirs = PairedScores(["x", "d", "c", "b"], [0.0, 0.2, 0.5, 0.1], [1, 0, 1, 0])
    found = Bootstrap(20).compare(ours, theirs)
    assert found.n == 3
    expected = evaluate([0.2, 0.7, 0.1], [0, 1, 0])["brier"] - evaluate([0.1, 0.5, 0.2], [0, 1, 0])["brier"]
    assert found.differences["brier"].metric == expected
    assert found.differences["accuracy"].metric.value == 0


def test_methods_may_differ_in_correctness_too() -> None:
    found = Bootstrap(20).compare(PairedScores([1, 2], [0.5, 0.5], [1, 1]), PairedScores([2, 1], [0.5, 0.5], [0, 1]))
    assert found.differences["accuracy"].metric.value == 0.5
    assert found.differences["auroc"].metric.value is None
    assert found.differences["auroc"].interval is None


def test_methods_without_a_common_question_have_no_differences() -> None:
    found = Bootstrap(20).compare(PairedScores(["a"], [0.5], [1]), PairedScores(["b"], [0.5], [1]))
    assert found.n == 0
    assert {difference.metric.reason for difference in found.differences.values()} == {"there are no rows"}
    assert {difference.interval for difference in found.differences.values()} == {None}


def test_differences_across_conventions_are_refused(rows: Rows) -> None:
    ours, theirs = evaluate(*rows), evaluate(*rows, convention=Convention.RIGHT_CLOSED)
    with pytest.raises(ConventionError, match="right_closed"):
        ours["ece"] - theirs["ece"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: PairedScores(["a", "a"], [0.1, 0.2], [0, 1]), "id 'a' occurs more than once"),
        (lambda: PairedScores(["a"], [0.1, 0.2], [0, 1]), "1 ids for 2 rows"),
        (lambda: PairedScores(["a"], [1.2], [0]), r"row 0 is 1\.2"),
        (lambda: Bootstrap(0), "at least one replicate"),
        (lambda: Bootstrap(level=95), "between 0 and 1"),
        (lambda: Bootstrap(5).intervals([0.5], [2]), "row 0 is 2"),
        (lambda: Bootstrap(5).group_mean_intervals([0.5, 7.0], [1, 1], ["a", "b"]), "row 1 is 7"),
        (lambda: Bootstrap(5).group_mean_intervals([0.5, 0.7], [1, 1], ["a"]), "p and group must be of equal length"),
    ],
)
def test_invalid_input_is_refused(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
