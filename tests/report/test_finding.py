from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from made_up_run import make_results

from raycal.metrics import METRIC_NAMES
from raycal.report.results import MethodResult, MetricValue, RunResults, ShownComparison
from raycal.report.sentences import finding

Interval = tuple[float, float, float] | tuple[float]  # a value, with both ends where it has them


def run_of(
    metrics: Mapping[str, tuple[Interval | None, Interval | None]], comparisons: Sequence[ShownComparison] = ()
) -> RunResults:
    """A run of methods a, b, ... with an AUROC and an ECE each, as (value, low, high) or None."""
    undefined = MetricValue(None, reason="no answer is correct")
    methods = [
        MethodResult(
            method=label,
            label=label,
            confidence=np.full(10, 0.5),
            coverage=1.0,
            metrics=dict.fromkeys(METRIC_NAMES, undefined)
            | {name: MetricValue(*its) for name, its in (("auroc", auroc), ("ece", ece)) if its},
            settings={},
        )
        for label, (auroc, ece) in metrics.items()
    ]
    return make_results(10, methods=methods, comparisons=list(comparisons))


CLEAR = {"a": ((0.8, 0.75, 0.85), (0.30, 0.25, 0.35)), "b": ((0.6, 0.55, 0.65), (0.05, 0.02, 0.08))}
CLOSE = {"a": ((0.8, 0.70, 0.85), (0.06, 0.03, 0.09)), "b": ((0.7, 0.65, 0.75), (0.05, 0.02, 0.08))}


def said(results: RunResults) -> str:
    return finding(results).replace("\N{NO-BREAK SPACE}", " ")


def test_best_methods_with_values_and_intervals() -> None:
    assert said(run_of(CLEAR)) == (
        "By AUROC, a is best at 80.0 % (95 % interval 75.0 to 85.0), ahead of every other method; "
        "by ECE, b is best at 5.0 % (95 % interval 2.0 to 8.0), ahead of every other method."
    )


def test_overlapping_intervals_are_owned_up_to() -> None:
    assert "but b cannot be told apart from it; by ECE" in said(run_of(CLOSE))
    assert said(run_of(CLOSE)).endswith("but a cannot be told apart from it.")


@pytest.mark.parametrize(
    "comparison",
    [ShownComparison("a", "b", "auroc", 0.1, 0.05, 0.15), ShownComparison("b", "a", "auroc", -0.1, -0.15, -0.05)],
)
def test_a_settled_paired_difference_beats_overlapping_intervals(comparison: ShownComparison) -> None:
    assert "ahead of every other method; by ECE" in said(run_of(CLOSE, [comparison]))


@pytest.mark.parametrize(("low", "high"), [(-0.01, 0.15), (-0.15, -0.05)])
def test_a_paired_difference_that_is_open_or_against_the_best_leaves_the_order_open(low: float, high: float) -> None:
    comparison = ShownComparison("a", "b", "auroc", (low + high) / 2, low, high)
    assert "but b cannot be told apart from it; by ECE" in said(run_of(CLEAR, [comparison]))


def test_a_paired_difference_in_ece_counts_when_it_is_lower() -> None:
    assert said(run_of(CLOSE, [ShownComparison("b", "a", "ece", -0.01, -0.02, -0.005)])).endswith("every other method.")


def test_without_intervals_nothing_is_told_apart() -> None:
    results = run_of({"a": ((0.9,), (0.1,)), "b": ((0.5,), (0.4,))})
    assert said(results).count("cannot be told apart") == 2


def test_many_rivals_are_counted() -> None:
    results = run_of(dict.fromkeys("abcdef", ((0.8, 0.7, 0.9), (0.1, 0.0, 0.2))))
    assert said(results).count("but 5 of the 5 other methods cannot be told apart from it") == 2


def test_auroc_that_may_be_chance_says_so() -> None:
    assert "which may be no better than chance" in said(run_of({"a": ((0.53, 0.48, 0.58), (0.1, 0.0, 0.2))}))
    assert "chance" not in said(run_of(CLEAR))


def test_one_method_is_not_called_best() -> None:
    assert said(run_of({"a": CLEAR["a"]})) == (
        "By AUROC, a is the only method with a value, 80.0 % (95 % interval 75.0 to 85.0); "
        "by ECE, a is the only method with a value, 30.0 % (95 % interval 25.0 to 35.0)."
    )


def test_undefined_values_and_empty_runs() -> None:
    assert said(run_of({"a": (None, (0.1, 0.0, 0.2))})).startswith("By AUROC, no method has a value; by ECE, a")
    assert said(run_of({})) == "By AUROC, no method has a value; by ECE, no method has a value."
    assert "No answer has been graded" in said(make_results(0))
