from collections.abc import Callable
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from drawn_figures import drawn, rectangles, segments, x_of, y_of
from made_up_run import LABELS, interval_of, make_results, method_result, value_of
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from metric_values import gap
from numpy.typing import NDArray

from raycal import metrics
from raycal.metrics import METRIC_NAMES, Convention
from raycal.report import figures
from raycal.report.results import MethodResult, MetricValue, RunResults
from raycal.report.style import png, wrapped

Draw = Callable[[RunResults], Figure]
Pictures = dict[Draw, Figure]

DRAWN: list[Draw] = [figures.bar_chart, figures.reliability_diagrams, figures.risk_coverage]


@pytest.fixture(scope="module")
def pictures(results: RunResults) -> Pictures:
    """Each figure of the run with seven methods."""
    return {draw: draw(results) for draw in DRAWN}


def bars(axes: Axes) -> dict[int, float]:
    """The bars by place on the axis: place -> height."""
    return {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in rectangles(axes)}


def error_bars(axes: Axes) -> dict[int, tuple[float, float]]:
    """The error bars by place on the axis: place -> (low, high)."""
    return {round(float(segment[0][0])): (float(segment[0][1]), float(segment[1][1])) for segment in segments(axes)}


def fixed(
    label: str,
    value: float | None,
    confidence: NDArray[np.float64],
    low: float | None = None,
    high: float | None = None,
) -> MethodResult:
    """A method all of whose metrics have one value."""
    metric = MetricValue(value, low, high, None if value is not None else "no answer is correct")
    return MethodResult(
        method=label,
        label=label,
        confidence=confidence,
        coverage=1.0,
        metrics=dict.fromkeys(METRIC_NAMES, metric),
        settings={},
    )


@pytest.mark.parametrize(("panel", "name"), enumerate(["ece", "auroc"]))
def test_bars_are_as_high_as_the_values_and_error_bars_as_long_as_the_intervals(
    results: RunResults, pictures: Pictures, panel: int, name: str
) -> None:
    axes = pictures[figures.bar_chart].axes[panel]
    values = [value_of(method, name) for method in results.ordered]
    assert bars(axes) == pytest.approx({place: 100 * value for place, value in enumerate(values)})
    ends = error_bars(axes)
    for place, method in enumerate(results.ordered):
        low, high = interval_of(method, name)
        assert ends[place] == pytest.approx((100 * low, 100 * high))


def test_bars_are_labelled_in_order_with_their_values(results: RunResults, pictures: Pictures) -> None:
    left, _ = pictures[figures.bar_chart].axes
    labels = [text.get_text().replace("\n", " ") for text in left.get_xticklabels()]
    assert labels == [method.label for method in results.ordered]
    assert [text.get_text() for text in left.texts] == [f"{100 * value_of(m, 'ece'):.1f}" for m in results.ordered]


def test_auroc_has_a_dashed_line_at_chance(pictures: Pictures) -> None:
    left, right = pictures[figures.bar_chart].axes
    chance = [line for line in right.lines if line.get_linestyle() == "--"]
    assert [set(y_of(line)) for line in chance] == [{50}]
    assert not [line for line in left.lines if line.get_linestyle() == "--"]
    assert "↓" in left.get_title(loc="left")
    assert "↑" in right.get_title(loc="left")


def test_an_interval_above_its_value_is_drawn_where_it_is() -> None:
    method = fixed("zero_shot", 0.03, np.full(60, 0.5), 0.04, 0.09)
    left, _ = figures.bar_chart(make_results(60, methods=[method], comparisons=[])).axes
    assert bars(left) == {0: pytest.approx(3)}
    assert error_bars(left) == {0: pytest.approx((4, 9))}


def test_a_method_without_a_value_has_no_bar() -> None:
    methods = [fixed("zero_shot", None, np.full(60, 0.5)), fixed("verbalized", 0.6, np.full(60, 0.5))]
    figure = figures.bar_chart(make_results(60, methods=methods, comparisons=[]))
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert list(bars(axes)) == [1]
        assert not error_bars(axes)  # no replicates, no interval
        assert [text.get_text() for text in axes.texts] == ["n/a", "60.0"]


def test_values_do_not_touch_titles_even_at_100() -> None:
    methods = [fixed(f"method {i}", 1.0, np.full(60, 0.5), 1.0, 1.0) for i in range(8)]
    figure = figures.bar_chart(make_results(60, methods=methods, comparisons=[]))
    renderer = drawn(figure)
    assert len(figure.axes) == 2
    for axes in figure.axes:
        title = axes._left_title.get_window_extent(renderer)  # type: ignore[attr-defined]
        assert len(axes.texts) == len(methods)
        assert not any(text.get_window_extent(renderer).overlaps(title) for text in axes.texts)


@pytest.mark.parametrize("count", [1, 5, 8])
def test_labels_of_bars_do_not_touch_each_other(count: int) -> None:
    names = [*list(LABELS.values()), "token probability of the answer"]
    methods = [fixed(name, 0.5, np.full(60, 0.5)) for name in names[:count]]
    figure = figures.bar_chart(make_results(60, methods=methods, comparisons=[]))
    renderer = drawn(figure)
    assert len(figure.axes) == 2
    for axes in figure.axes:
        boxes = [label.get_window_extent(renderer) for label in axes.get_xticklabels()]
        assert len(boxes) == count
        assert not any(left.overlaps(right) for left, right in pairwise(boxes))


@pytest.mark.parametrize("convention", Convention)
def test_reliability_shows_the_bins_of_the_runs_convention(convention: Convention) -> None:
    count = 8
    results = make_results(60, names=("verbalized",), convention=convention, bins=count)
    diagram, histogram = figures.reliability_diagrams(results).axes
    method = results.methods[0]
    bins = metrics.reliability_bins(
        method.confidence[method.known], results.correct[method.known], bins=count, convention=convention
    )
    filled = [its for its in bins if its.count]
    assert filled
    solid = [patch for patch in rectangles(diagram) if not patch.get_hatch()]
    gaps = [patch for patch in rectangles(diagram) if patch.get_hatch()]
    assert [patch.get_x() for patch in solid] == pytest.approx([its.low for its in filled])
    assert [patch.get_height() for patch in solid] == pytest.approx([its.accuracy for its in filled])
    assert [patch.get_y() for patch in gaps] == pytest.approx([its.accuracy for its in filled])
    assert [patch.get_height() for patch in gaps] == pytest.approx([gap(its) for its in filled])
    assert [patch.get_height() for patch in rectangles(histogram)] == [its.count for its in bins]
    assert [patch.get_width() for patch in rectangles(histogram)] == pytest.approx([1 / count] * count)


def test_over_and_underconfidence_look_different() -> None:
    confidence = np.repeat([0.25, 0.75], 30)
    correct = np.ones(60, dtype=bool)
    correct[30:] = False
    method = method_result("zero_shot", "zero-shot", confidence, correct)
    diagram = figures.reliability_diagrams(make_results(60, correct=correct, methods=[method], comparisons=[])).axes[0]
    under, over = (patch for patch in rectangles(diagram) if patch.get_hatch())
    assert under.get_hatch() != over.get_hatch()
    assert to_hex(under.get_facecolor()) != to_hex(over.get_facecolor())


def test_reliability_names_ece_smece_and_coverage_of_each_method(results: RunResults, pictures: Pictures) -> None:
    diagrams = [axes for axes in pictures[figures.reliability_diagrams].axes if axes.texts]
    shown = {axes.get_title(loc="left").replace("\n", " "): axes.texts[0].get_text() for axes in diagrams}
    for method in results.methods:
        for name in ("ece", "smece"):
            assert f"{100 * value_of(method, name):.1f}" in shown[method.label]
        assert ("coverage" in shown[method.label]) == (not method.known.all())


def test_risk_coverage_curves_are_those_of_the_metrics_scaled_to_all_answers(
    results: RunResults, pictures: Pictures
) -> None:
    axes = pictures[figures.risk_coverage].axes[0]
    lines = {str(line.get_label()).replace("\n", " "): line for line in axes.lines}
    assert list(lines) == [*(method.label for method in results.ordered), "oracle", "random"]
    for method in results.methods:
        known = method.known
        coverage, risk = metrics.risk_coverage(method.confidence[known], results.correct[known])
        np.testing.assert_allclose(x_of(lines[method.label]), 100 * coverage * known.mean())
        np.testing.assert_allclose(y_of(lines[method.label]), 100 * risk)
    error = 100 * (1 - results.correct.mean())
    assert list(y_of(lines["random"])) == pytest.approx([error, error])
    oracle = lines["oracle"]
    assert y_of(oracle)[-1] == pytest.approx(error)
    assert (y_of(oracle)[x_of(oracle) <= 100 - error] < 1e-9).all()


def test_curves_differ_in_more_than_colour(results: RunResults, pictures: Pictures) -> None:
    lines = pictures[figures.risk_coverage].axes[0].lines[: len(results.methods)]
    assert len({to_hex(line.get_color()) for line in lines}) == len(lines)
    assert len({line.get_linestyle() for line in lines}) > 1


@pytest.mark.parametrize("draw", [figures.reliability_diagrams, figures.risk_coverage])
def test_legends_cover_no_data(pictures: Pictures, draw: Draw) -> None:
    figure = pictures[draw]
    renderer = drawn(figure)
    legend = figure.legends[0].get_window_extent(renderer)
    assert figure.axes
    assert not any(axes.get_window_extent(renderer).overlaps(legend) for axes in figure.axes)


@pytest.mark.parametrize("count", range(1, 10))
def test_the_legend_of_reliability_diagrams_is_whole(count: int) -> None:
    methods = [fixed(f"method {place}", 0.5, np.full(60, 0.5)) for place in range(count)]
    figure = figures.reliability_diagrams(make_results(60, methods=methods, comparisons=[]))
    legend = figure.legends[0].get_window_extent(drawn(figure))
    assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= legend.y0


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize(("count", "n"), [(0, 0), (0, 9), (1, 1), (2, 0), (8, 60)])
def test_figures_work_for_any_number_of_methods_and_answers(draw: Draw, count: int, n: int) -> None:
    base = make_results(n)
    methods = [*base.methods, method_result("other", "missing", np.full(n, np.nan), base.correct)][:count]
    shown = imread(BytesIO(png(draw(make_results(n, methods=methods, comparisons=[])), dpi=20)))
    assert shown.shape[0] > 50
    assert shown.shape[1] > 90
    assert shown.min() < shown.max()


def test_no_line_of_a_label_starts_with_a_comma() -> None:
    assert wrapped("recalibrated, default", 12) == "recalibrated\ndefault"
    assert wrapped("recalibrated, default", 13) == "recalibrated,\ndefault"


def test_dollar_signs_in_labels_start_no_formula() -> None:
    label = r"cost $\frac{ of $100"
    figure = figures.bar_chart(make_results(60, methods=[fixed(label, 0.5, np.full(60, 0.5))], comparisons=[]))
    assert png(figure, dpi=20).startswith(b"\x89PNG")
