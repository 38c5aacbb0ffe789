import numpy as np
import pytest
from made_up_run import make_results, method_result

from raycal.metrics import METRIC_NAMES
from raycal.report.results import Comparison, MethodResult, MetricValue


@pytest.mark.parametrize(
    "values",
    [
        {"value": None},
        {"value": 0.5, "reason": "there are no rows"},
        {"value": 0.5, "low": 0.4},
        {"value": None, "low": 0.4, "high": 0.6, "reason": "there are no rows"},
        {"value": 0.5, "low": 0.6, "high": 0.4},
    ],
)
def test_metric_value_refuses_what_cannot_be(values):
    with pytest.raises(ValueError, match=r"value|interval"):
        MetricValue(**values)


def test_interval_may_lie_beside_its_value():
    assert MetricValue(0.03, 0.04, 0.09).interval == (0.04, 0.09)


def test_method_result_needs_every_metric():
    metrics = {name: MetricValue(0.5) for name in METRIC_NAMES if name != "nll"}
    with pytest.raises(ValueError, match="zero-shot"):
        MethodResult(method="zero_shot", label="zero-shot", confidence=np.zeros(3), coverage=1.0, metrics=metrics)


@pytest.mark.parametrize("name", ["questions", "answers", "accepted", "subjects"])
def test_parallel_columns_must_be_of_one_length(name):
    with pytest.raises(ValueError, match=f"{name} has 59 rows"):
        make_results(60, **{name: ["x"] * 59})


def test_confidences_must_be_parallel_to_the_grades(results):
    short = method_result("zero_shot", "short", np.full(5, 0.5), np.ones(5, dtype=bool))
    with pytest.raises(ValueError, match="short"):
        make_results(60, methods=[short], comparisons=[])


def test_two_methods_cannot_share_a_label(results):
    with pytest.raises(ValueError, match="share a label"):
        make_results(60, methods=[results.methods[0], results.methods[0]], comparisons=[])


@pytest.mark.parametrize(("baseline", "metric"), [("nobody", "ece"), ("zero-shot", "f1")])
def test_comparison_must_be_of_methods_and_metrics_that_are_there(baseline, metric):
    with pytest.raises(ValueError, match="is not of two of the methods"):
        make_results(60, comparisons=[Comparison("classifier", baseline, metric, 0.1, 0.0, 0.2)])


def test_methods_stand_in_the_figures_order_and_the_rest_as_given(results):
    assert [method.method for method in results.ordered] == [
        "zero_shot",
        "verbalized",
        "sampling",
        "classifier",
        "fine_tuned",
        "likelihood",
        "semantic_entropy",
    ]
