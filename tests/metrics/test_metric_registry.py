"""A metric of one's own: where it enters, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raycal.metrics import (
    METRIC_NAMES,
    METRICS,
    Binning,
    CountMatrix,
    Floats,
    MetricDefinition,
    MetricError,
    evaluate,
    evaluate_groups,
    metric,
    metric_definitions,
)
from raycal.metrics.bootstrap import Bootstrap, PairedScores
from raycal.metrics.definitions import RESERVED
from raycal.registry import PluginError
from raycal.report.wording import style_of
from raycal.store.metric_columns import packed, unpacked
from raycal.store.schemas import SCHEMAS, Table
from raycal.sweep.config import SweepConfig

P, CORRECT = np.array([0.1, 0.4, 0.8, 0.9]), np.array([False, True, True, True])


def bias(counts: CountMatrix) -> Floats:
    sums: Floats = (counts.wrong + counts.right) @ counts.confidence
    return (sums - counts.correct) / counts.rows


def define(name: str = "bias", **changes: Any) -> MetricDefinition:
    known: dict[str, Any] = {
        "title": "Bias",
        "meaning": "mean of p - correct",
        "higher_is_better": False,
        "formula": bias,
    }
    return MetricDefinition(**{"name": name} | known | changes)


@pytest.fixture
def with_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS, "_members", dict(METRICS._members))
    metric("bias", title="Bias", meaning="mean of p - correct", higher_is_better=False)(bias)


@pytest.mark.usefixtures("with_bias")
def test_a_registered_metric_stands_after_ours_everywhere() -> None:
    assert list(metric_definitions()) == [*METRIC_NAMES, "bias"]
    assert evaluate(P, CORRECT)["bias"].value == pytest.approx(np.mean(P - CORRECT))
    mean = evaluate_groups(P, CORRECT, ["a", "a", "b", "b"]).mean["bias"]
    assert mean.metric.value == pytest.approx(np.mean(P - CORRECT))
    interval = Bootstrap(200).intervals(P, CORRECT)["bias"]
    assert interval is not None
    assert interval.low < np.mean(P - CORRECT) < interval.high
    scores = PairedScores(np.arange(4), P, CORRECT)
    assert Bootstrap(10).compare(scores, scores).differences["bias"].metric.value == 0
    assert style_of("bias").heading == "Bias\N{NO-BREAK SPACE}\N{DOWNWARDS ARROW}"
    assert SweepConfig(space=({"method": "likelihood"},), objectives=("bias",)).objectives == ("bias",)


@pytest.mark.usefixtures("with_bias")
def test_a_metric_does_not_change_the_others_nor_their_intervals() -> None:
    ours, intervals = evaluate(P, CORRECT), Bootstrap(50).intervals(P, CORRECT)
    del METRICS._members["bias"]
    assert {name: ours[name] for name in METRIC_NAMES} == evaluate(P, CORRECT)
    assert {name: intervals[name] for name in METRIC_NAMES} == Bootstrap(50).intervals(P, CORRECT)


@pytest.mark.usefixtures("with_bias")
def test_where_it_is_undefined_there_is_a_reason() -> None:
    METRICS._members["bias"] = define(formula=lambda counts: np.full(len(counts.rows), np.nan))
    assert evaluate([], [])["bias"].reason == "there are no rows"
    assert evaluate(P, CORRECT)["bias"].reason == "it is not defined for these confidences and grades"


@pytest.mark.usefixtures("with_bias")
def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(PluginError, match="two metrics are called 'ece'"):
        metric("ece", title="Mine", meaning="mine", higher_is_better=True)(bias)


@pytest.mark.parametrize("name", ["Bias", "my-bias", "bias_low", "bias_high", "subject_mean_bias", "n", "run", ""])
def test_a_name_that_cannot_be_a_column_is_refused(name: str) -> None:
    with pytest.raises(MetricError, match="a metric cannot be called"):
        define(name)


def test_values_of_another_shape_are_refused_by_name() -> None:
    counts = CountMatrix(np.array([0.5]), np.array([[1.0], [2.0]]), np.array([[1.0], [0.0]]), 0.0, Binning())
    with pytest.raises(MetricError, match=r"the metric bias has values of the shape \(1,\) for 2 sets of counts"):
        define(formula=lambda of: np.zeros(1)).values(counts)


def test_what_several_metrics_share_is_computed_once() -> None:
    calls = []
    counts = CountMatrix(np.array([0.5]), np.array([[1.0]]), np.array([[1.0]]), 0.0, Binning())

    def shared(of: CountMatrix) -> int:
        calls.append(of)
        return 7

    assert (counts.once(shared), counts.once(shared)) == (7, 7)
    assert calls == [counts]


def test_reserved_names_are_the_other_columns_of_the_table() -> None:
    columns = {name for name in SCHEMAS[Table.METRICS].names if not name.startswith("subject_mean_")}
    ours = {f"{name}{suffix}" for name in METRIC_NAMES for suffix in ("", "_low", "_high")}
    assert columns - ours == RESERVED


def test_a_row_comes_back_as_it_was_written() -> None:
    row = {"run": "r", "ece": 0.1, "bias": -0.2, "bias_low": None}
    assert unpacked(packed(row)) == row
    assert packed({"ece": 0.1}) == {"ece": 0.1}
    assert unpacked({"ece": 0.1, "extra": None}) == {"ece": 0.1}


@pytest.mark.parametrize(
    ("objective", "reason"), [("accuracy", "the same for all methods"), ("aurox", "did you mean 'auroc'")]
)
def test_what_cannot_be_searched_for_is_refused(objective: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SweepConfig(space=({"method": "likelihood"},), objectives=(objective,))
