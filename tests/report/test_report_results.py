from typing import Any

import numpy as np
import pytest
from made_up_run import make_ablation, make_curve, make_results, method_result

from raycal.metrics import METRIC_NAMES
from raycal.report.results import Ablation, MethodResult, MetricValue, RunResults, ShownComparison


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
def test_metric_value_refuses_what_cannot_be(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"value|interval"):
        MetricValue(**values)


def test_interval_may_lie_beside_its_value() -> None:
    assert MetricValue(0.03, 0.04, 0.09).interval == (0.04, 0.09)


def test_method_result_needs_every_metric() -> None:
    metrics = {name: MetricValue(0.5) for name in METRIC_NAMES if name != "nll"}
    with pytest.raises(ValueError, match="zero-shot"):
        MethodResult(
            method="zero_shot", label="zero-shot", confidence=np.zeros(3), coverage=1.0, metrics=metrics, settings={}
        )


@pytest.mark.parametrize("name", ["questions", "answers", "accepted", "subjects"])
def test_parallel_columns_must_be_of_one_length(name: str) -> None:
    column: dict[str, Any] = {name: ["x"] * 59}
    with pytest.raises(ValueError, match=f"{name} has 59 rows"):
        make_results(60, **column)


def test_confidences_must_be_parallel_to_the_grades(results: RunResults) -> None:
    short = method_result("zero_shot", "short", np.full(5, 0.5), np.ones(5, dtype=bool))
    with pytest.raises(ValueError, match="short"):
        make_results(60, methods=[short], comparisons=[])


def test_two_methods_cannot_share_a_label(results: RunResults) -> None:
    with pytest.raises(ValueError, match="share a label"):
        make_results(60, methods=[results.methods[0], results.methods[0]], comparisons=[])


@pytest.mark.parametrize(("baseline", "metric"), [("nobody", "ece"), ("zero-shot", "f1")])
def test_comparison_must_be_of_methods_and_metrics_that_are_there(baseline: str, metric: str) -> None:
    with pytest.raises(ValueError, match="is not of two of the methods"):
        make_results(60, comparisons=[ShownComparison("classifier", baseline, metric, 0.1, 0.0, 0.2)])


def test_methods_stand_in_the_figures_order_and_the_rest_as_given(results: RunResults) -> None:
    assert [method.method for method in results.ordered] == [
        "zero_shot",
        "verbalized",
        "sampling",
        "classifier",
        "fine_tuned",
        "likelihood",
        "semantic_entropy",
    ]


def test_an_ablation_must_be_of_methods_that_are_there() -> None:
    with pytest.raises(ValueError, match="is not of the methods"):
        make_results(60, ablations=[Ablation("classifier", {10: "classifier", 20: "nobody"})])


def test_of_an_ablation_figures_show_the_largest_size_in_the_place_of_all() -> None:
    results = make_ablation(sizes=(1000, 20))
    pictured = [method.label for method in results.pictured]
    assert pictured == [
        "zero-shot",
        "verbalized",
        "sampling (token overlap)",
        "classifier, 1000 questions",
        "fine-tuned, 1000 questions",
        "likelihood",
        "semantic entropy (token overlap)",
    ]
    assert len(results.ordered) == len(pictured) + 2
    assert results.places["classifier, 20 questions"] == results.places["classifier, 1000 questions"] == 3
    assert results.places["likelihood"] == 5


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ([0.7, 0.6, 0.8], 1),
        ([0.7, 0.6, 0.6], 1),
        ([np.nan, np.nan, 0.9], 2),
        ([np.nan] * 3, None),
        ([np.inf] * 3, None),
    ],
)
def test_the_adapter_of_the_first_least_calibration_loss_is_kept(losses: list[float], kept: int | None) -> None:
    assert make_curve(steps=2, calibration_loss=np.array(losses)).kept == kept


def test_columns_of_a_curve_must_be_of_one_length() -> None:
    with pytest.raises(ValueError, match="the curve of fine-tuned"):
        make_curve(steps=4, loss=np.zeros(3))


def test_training_seconds_are_those_of_all_steps_of_all_curves() -> None:
    curves = [make_curve("a", steps=4), make_curve("b", steps=2)]
    assert make_results(10, training=curves).training_seconds == pytest.approx(6 * 1.5)


def test_methods_and_curves_have_short_labels_of_their_own() -> None:
    label = "fine tuned (dropout 0.0, learning rate 0.002, epochs 1)"
    results = make_results(10, names=("zero_shot",), training=[make_curve(label)])
    assert results.short == {"zero-shot": "zero-shot", label: "fine tuned"}
