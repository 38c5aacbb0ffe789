from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from drawn_figures import drawn, x_of, y_of
from made_up_run import make_ablation, make_curve, make_results
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.image import imread

from raycal.report import figures
from raycal.report.results import TrainingCurve
from raycal.report.style import png
from raycal.report.training_figures import training_curves

COLUMNS = ["loss", "divergence", "learning_rate", "calibration_loss", "calibration_ece", "calibration_auroc"]
PERCENT = {"calibration_ece", "calibration_auroc"}


def panels(curve: TrainingCurve) -> dict[str, Axes]:
    """The panels of a figure of this curve alone, by what they show."""
    figure = training_curves(make_results(10, names=("fine_tuned",), training=[curve]))
    return dict(zip(COLUMNS, figure.axes, strict=True))


@pytest.mark.parametrize("name", COLUMNS)
def test_each_panel_shows_the_steps_that_have_a_value(name: str) -> None:
    curve = make_curve()
    line = panels(curve)[name].lines[0]
    values = getattr(curve, name) * (100 if name in PERCENT else 1)
    known = ~np.isnan(values)
    assert list(x_of(line)) == list(curve.step[known])
    assert list(y_of(line)) == pytest.approx(list(values[known]))


def test_the_kept_step_is_marked_in_every_panel() -> None:
    for axes in panels(make_curve(steps=8, every=2)).values():
        assert list(x_of(axes.lines[-1])) == [6, 6]


def test_without_an_evaluation_no_step_is_marked() -> None:
    nothing = np.full(9, np.nan)
    shown = panels(make_curve(calibration_loss=nothing, calibration_ece=nothing, calibration_auroc=nothing))
    for name, axes in shown.items():
        assert [text.get_text() for text in axes.texts] == (["not measured"] if name.startswith("calibration") else [])
        assert not any(list(x_of(line)) == [6, 6] for line in axes.lines)


def test_skipped_steps_are_crosses_and_in_the_legend() -> None:
    skipped = np.isin(np.arange(9), [3, 5])
    curve = make_curve(skipped=skipped, loss=np.where(skipped, np.nan, make_curve().loss))
    figure = training_curves(make_results(10, names=("fine_tuned",), training=[curve]))
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [list(x_of(line)) for line in crosses] == [[3, 5]]
    assert "skipped step" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_without_skipped_steps_the_legend_has_none() -> None:
    figure = training_curves(make_results(10, names=("fine_tuned",), training=[make_curve()]))
    assert "skipped step" not in [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_method_has_the_colour_of_its_bar() -> None:
    results = make_results(60, names=("zero_shot", "fine_tuned"), training=[make_curve("fine-tuned")])
    bar = figures.bar_chart(results).axes[0].patches[1]
    line = training_curves(results).axes[3].lines[0]
    assert to_hex(line.get_color()) == to_hex(bar.get_facecolor())


def test_all_sizes_of_an_ablation_have_the_colour_of_its_bar() -> None:
    results = make_ablation(sizes=(20, 1000))
    curves = [make_curve(f"fine-tuned, {size} questions") for size in (20, 1000)]
    bar = figures.bar_chart(results).axes[0].patches[4]
    figure = training_curves(replace(results, training=curves))
    assert {to_hex(figure.axes[panel].lines[0].get_color()) for panel in (3, 9)} == {to_hex(bar.get_facecolor())}


def test_every_curve_has_its_panels_under_its_name_and_nothing_overlaps() -> None:
    curves = [make_curve("fine-tuned"), make_curve("only a part of another method", steps=300, every=15)]
    figure = training_curves(make_results(10, names=("fine_tuned",), training=curves))
    drawn(figure)
    assert [axes.get_title(loc="left") for axes in figure.axes[::6]] == [curve.label for curve in curves]
    boxes = [axes.get_window_extent() for axes in figure.axes] + [figure.legends[0].get_window_extent()]
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


def test_a_training_that_never_took_a_step_has_a_figure() -> None:
    curve = make_curve(steps=0)
    assert imread(BytesIO(png(training_curves(make_results(5, training=[curve])), dpi=20))).min() < 1
