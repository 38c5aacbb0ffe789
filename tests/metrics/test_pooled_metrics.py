"""Exact cases, metrics without a value, and rows that are refused."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from metric_values import Rows, value, values

from raycal.metrics import METRIC_NAMES, Convention, Metric, evaluate


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


def test_the_difference_of_an_undefined_metric_keeps_its_reason() -> None:
    difference = evaluate([0.5], [1])["auroc"] - evaluate([0.5, 0.6], [1, 0])["auroc"]
    assert difference == Metric("auroc", None, "every answer is correct")


def test_a_metric_has_a_value_or_a_reason() -> None:
    for wrong in ((0.5, "a reason"), (None, None), (None, "")):
        with pytest.raises(ValueError, match="either a value or a reason"):
            Metric("auroc", *wrong)


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


def test_importing_is_light() -> None:
    heavy = "{'scipy', 'sklearn', 'pandas', 'duckdb', 'pyarrow', 'torch'}"
    modules = "raycal.metrics, raycal.metrics.bootstrap, raycal.analysis.metrics_file"
    code = f"import sys, {modules}; print(*{heavy} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
