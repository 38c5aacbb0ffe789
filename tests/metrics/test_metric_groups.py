"""Metrics by group and their means."""

from __future__ import annotations

import numpy as np
import pytest

from raycal.metrics import Binning, Groups, Metric, evaluate, evaluate_groups


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
