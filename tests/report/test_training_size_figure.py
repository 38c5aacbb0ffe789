from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from drawn_figures import drawn, segments, x_of, y_of
from made_up_run import interval_of, make_ablation, method_result, value_of
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.image import imread
from matplotlib.lines import Line2D

from raycal.report import figures
from raycal.report.results import MethodResult, RunResults
from raycal.report.style import png
from raycal.report.training_figures import training_sizes

NAMES = ["ece", "auroc"]


@pytest.fixture(scope="module")
def ablation() -> RunResults:
    return make_ablation()


@pytest.fixture(scope="module")
def panels(ablation: RunResults) -> dict[str, Axes]:
    return dict(zip(NAMES, training_sizes(ablation).axes, strict=True))


def method_named(results: RunResults, label: str) -> MethodResult:
    return next(method for method in results.methods if method.label == label)


def lines(axes: Axes) -> dict[str, Line2D]:
    """The lines that the legend names."""
    handles, labels = axes.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_each_method_is_a_line_through_its_values_at_its_sizes(
    ablation: RunResults, panels: dict[str, Axes], name: str
) -> None:
    for its in ablation.ablations:
        line = lines(panels[name])[its.label]
        assert list(x_of(line)) == pytest.approx(list(its.sizes), rel=0.05)  # a little aside
        values = [100 * value_of(method_named(ablation, label), name) for label in its.sizes.values()]
        assert list(y_of(line)) == pytest.approx(values)


@pytest.mark.parametrize("name", NAMES)
def test_error_bars_are_the_intervals(ablation: RunResults, panels: dict[str, Axes], name: str) -> None:
    ends = [tuple(segment[:, 1]) for segment in segments(panels[name])]
    expected = [
        tuple(100 * end for end in interval_of(method_named(ablation, label), name))
        for its in ablation.ablations
        for label in its.sizes.values()
    ]
    assert np.array(ends) == pytest.approx(np.array(expected))


def test_no_two_error_bars_stand_at_one_place(panels: dict[str, Axes]) -> None:
    for axes in panels.values():
        places = [segment[0][0] for segment in segments(axes)]
        assert len(set(places)) == len(places) == 8


def test_the_sizes_are_the_ticks_of_a_logarithmic_axis(panels: dict[str, Axes]) -> None:
    for axes in panels.values():
        assert axes.get_xscale() == "log"
        assert list(axes.get_xticks()) == [100, 200, 500, 1000]
        assert [text.get_text() for text in axes.get_xticklabels()] == ["100", "200", "500", "1,000"]
        assert not list(axes.get_xticks(minor=True))


def test_numbers_of_ticks_do_not_touch_and_the_largest_is_always_there() -> None:
    figure = training_sizes(make_ablation(sizes=tuple(range(1000, 10_001, 500))))
    drawn(figure)
    assert len(figure.axes) == len(NAMES)
    for axes in figure.axes:
        texts = [text for text in axes.get_xticklabels() if text.get_text()]
        assert not any(left.get_window_extent().overlaps(right.get_window_extent()) for left, right in pairwise(texts))
        assert texts[-1].get_text() == "10,000"
        assert len(axes.get_xticks()) == 19


@pytest.mark.parametrize("name", NAMES)
def test_zero_shot_is_a_level_and_only_auroc_has_a_chance(
    ablation: RunResults, panels: dict[str, Axes], name: str
) -> None:
    shown = lines(panels[name])
    value = 100 * value_of(method_named(ablation, "zero-shot"), name)
    assert list(y_of(shown["zero-shot (not trained)"])) == pytest.approx([value, value])
    chance = [line for line in panels[name].lines if list(y_of(line)) == [50, 50]]
    assert [line.get_linestyle() for line in chance] == (["--"] if name == "auroc" else [])


def test_without_zero_shot_there_is_no_level() -> None:
    results = make_ablation()
    left, _ = training_sizes(replace(results, methods=[m for m in results.methods if m.method != "zero_shot"])).axes
    assert list(lines(left)) == [its.label for its in results.ablations]


def test_a_method_has_the_colour_of_its_bar(ablation: RunResults, panels: dict[str, Axes]) -> None:
    labels = [text.get_text().replace("\n", " ") for text in figures.bar_chart(ablation).axes[0].get_xticklabels()]
    bars = dict(zip(labels, figures.bar_chart(ablation).axes[0].patches, strict=True))
    for its in ablation.ablations:
        bar = bars[f"{its.label}, 1000 questions"]
        assert to_hex(lines(panels["ece"])[its.label].get_color()) == to_hex(bar.get_facecolor())


def test_the_legend_covers_no_data(ablation: RunResults) -> None:
    figure = training_sizes(ablation)
    drawn(figure)
    legend = figure.legends[0].get_window_extent()
    assert len(figure.axes) == len(NAMES)
    assert not any(axes.get_window_extent().overlaps(legend) for axes in figure.axes)


def test_sizes_without_a_value_are_gaps() -> None:
    results = make_ablation()
    gone = "classifier, 200 questions"
    methods = [
        method_result(its.method, gone, np.full(60, np.nan), results.correct) if its.label == gone else its
        for its in results.methods
    ]
    axes = training_sizes(replace(results, methods=methods)).axes[0]
    values = y_of(lines(axes)["classifier"])
    assert list(np.isnan(values)) == [False, True, False, False]
    assert not axes.texts


def test_an_ablation_without_graded_answers_says_that_it_has_no_values() -> None:
    figure = training_sizes(make_ablation(0))
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["no values"]] * 2
    assert imread(BytesIO(png(figure, dpi=20))).min() < 1
