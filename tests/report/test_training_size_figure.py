from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from made_up_run import make_ablation, method_result
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.image import imread

from raycal.report import figures
from raycal.report.style import png
from raycal.report.training_figures import training_sizes

NAMES = ["ece", "auroc"]


@pytest.fixture(scope="module")
def ablation():
    return make_ablation()


@pytest.fixture(scope="module")
def panels(ablation):
    return dict(zip(NAMES, training_sizes(ablation).axes, strict=True))


def metric(results, label, name):
    return next(method.metrics[name] for method in results.methods if method.label == label)


def lines(axes):
    """The lines that the legend names."""
    handles, labels = axes.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_each_method_is_a_line_through_its_values_at_its_sizes(ablation, panels, name):
    for its in ablation.ablations:
        line = lines(panels[name])[its.label]
        assert list(line.get_xdata()) == pytest.approx(list(its.sizes), rel=0.05)  # a little aside
        values = [100 * metric(ablation, label, name).value for label in its.sizes.values()]
        assert list(line.get_ydata()) == pytest.approx(values)


@pytest.mark.parametrize("name", NAMES)
def test_error_bars_are_the_intervals(ablation, panels, name):
    segments = [segment for bars in panels[name].collections for segment in bars.get_segments()]
    ends = [tuple(segment[:, 1]) for segment in segments]
    expected = [
        tuple(100 * end for end in metric(ablation, label, name).interval)
        for its in ablation.ablations
        for label in its.sizes.values()
    ]
    assert np.array(ends) == pytest.approx(np.array(expected))


def test_no_two_error_bars_stand_at_one_place(panels):
    for axes in panels.values():
        places = [segment[0][0] for bars in axes.collections for segment in bars.get_segments()]
        assert len(set(places)) == len(places) == 8


def test_the_sizes_are_the_ticks_of_a_logarithmic_axis(panels):
    for axes in panels.values():
        assert axes.get_xscale() == "log"
        assert list(axes.get_xticks()) == [100, 200, 500, 1000]
        assert [text.get_text() for text in axes.get_xticklabels()] == ["100", "200", "500", "1,000"]
        assert not list(axes.get_xticks(minor=True))


def test_numbers_of_ticks_do_not_touch_and_the_largest_is_always_there():
    figure = training_sizes(make_ablation(sizes=tuple(range(1000, 10_001, 500))))
    FigureCanvasAgg(figure).draw()
    assert len(figure.axes) == len(NAMES)
    for axes in figure.axes:
        texts = [text for text in axes.get_xticklabels() if text.get_text()]
        assert not any(left.get_window_extent().overlaps(right.get_window_extent()) for left, right in pairwise(texts))
        assert texts[-1].get_text() == "10,000"
        assert len(axes.get_xticks()) == 19


@pytest.mark.parametrize("name", NAMES)
def test_zero_shot_is_a_level_and_only_auroc_has_a_chance(ablation, panels, name):
    drawn = lines(panels[name])
    value = 100 * metric(ablation, "zero-shot", name).value
    assert list(drawn["zero-shot (not trained)"].get_ydata()) == pytest.approx([value, value])
    chance = [line for line in panels[name].lines if list(line.get_ydata()) == [50, 50]]
    assert [line.get_linestyle() for line in chance] == (["--"] if name == "auroc" else [])


def test_without_zero_shot_there_is_no_level():
    results = make_ablation()
    left, _ = training_sizes(replace(results, methods=[m for m in results.methods if m.method != "zero_shot"])).axes
    assert list(lines(left)) == [its.label for its in results.ablations]


def test_a_method_has_the_colour_of_its_bar(ablation, panels):
    labels = [text.get_text().replace("\n", " ") for text in figures.bar_chart(ablation).axes[0].get_xticklabels()]
    bars = dict(zip(labels, figures.bar_chart(ablation).axes[0].patches, strict=True))
    for its in ablation.ablations:
        bar = bars[f"{its.label}, 1000 questions"]
        assert to_hex(lines(panels["ece"])[its.label].get_color()) == to_hex(bar.get_facecolor())


def test_the_legend_covers_no_data(ablation):
    figure = training_sizes(ablation)
    FigureCanvasAgg(figure).draw()
    legend = figure.legends[0].get_window_extent()
    assert len(figure.axes) == len(NAMES)
    assert not any(axes.get_window_extent().overlaps(legend) for axes in figure.axes)


def test_sizes_without_a_value_are_gaps():
    results = make_ablation()
    gone = "classifier, 200 questions"
    methods = [
        method_result(its.method, gone, np.full(60, np.nan), results.correct) if its.label == gone else its
        for its in results.methods
    ]
    axes = training_sizes(replace(results, methods=methods)).axes[0]
    values = lines(axes)["classifier"].get_ydata()
    assert list(np.isnan(values)) == [False, True, False, False]
    assert not axes.texts


def test_an_ablation_without_graded_answers_says_that_it_has_no_values():
    figure = training_sizes(make_ablation(0))
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["no values"]] * 2
    assert imread(BytesIO(png(figure, dpi=20))).min() < 1
