from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from drawn_figures import colour_of, drawn, places_of, rectangles, x_of, y_of
from made_up_sweep import OPTIONS, make_importances, make_sweep, make_swept
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text

from raycal.report import figures, sweep_figures
from raycal.report.style import colour, png
from raycal.report.sweep_results import Importances, SweepResults, SweepTrial

Draw = Callable[[SweepResults], Figure]

DRAWN: list[Draw] = [sweep_figures.trials, sweep_figures.settings, sweep_figures.importances]
PER_CENT = {"ece": 100, "auroc": 100, "brier": 1, "prr": 1}


@pytest.fixture(scope="module")
def sweep() -> SweepResults:
    return make_sweep()


def points(axes: Axes) -> dict[str, set[tuple[float, float]]]:
    """All that is scattered: colour -> places."""
    points: dict[str, set[tuple[float, float]]] = {}
    for its in axes.collections:
        points.setdefault(colour_of(its), set()).update((round(x, 9), round(y, 9)) for x, y in places_of(its))
    return points


def expected_points(
    sweep: SweepResults, place_of: Callable[[SweepTrial], tuple[float, ...]]
) -> dict[str, set[tuple[float, ...]]]:
    return {
        to_hex(colour(sweep.places[entry.label])): {place_of(trial) for trial in sweep.of_entry(entry)}
        for entry in sweep.entries
    }


def front_line(axes: Axes) -> Line2D:
    return next(line for line in axes.lines if line.get_drawstyle().startswith("steps"))


@pytest.mark.parametrize(
    "objectives", [("ece", "auroc"), ("brier", "ece"), ("auroc", "prr"), ("ece", "auroc", "brier")]
)
def test_every_finished_trial_stands_at_its_first_two_objectives_in_its_methods_colour(
    objectives: tuple[str, ...],
) -> None:
    sweep = make_sweep(objectives=objectives)
    axes = sweep_figures.trials(sweep).axes[0]
    scales = [PER_CENT[name] for name in objectives[:2]]
    assert points(axes) == expected_points(
        sweep,
        lambda trial: tuple(
            round(scale * trial.objectives[name], 9) for scale, name in zip(scales, objectives, strict=False)
        ),
    )
    for label, name in ((axes.get_xlabel(), objectives[0]), (axes.get_ylabel(), objectives[1])):
        assert ("↑ higher is better" in label) == (name in {"auroc", "prr"})
        assert ("↓ lower is better" in label) == (name in {"ece", "brier"})


@pytest.mark.parametrize("objectives", [("ece", "auroc"), ("auroc", "ece"), ("brier", "ece"), ("auroc", "prr")])
def test_the_front_is_connected_by_steps_above_which_no_trial_is_better(objectives: tuple[str, ...]) -> None:
    sweep = make_sweep(objectives=objectives)
    line = front_line(sweep_figures.trials(sweep).axes[0])
    across, up = (
        [PER_CENT[name] * sweep.by_number[number].objectives[name] for number in sweep.front] for name in objectives
    )
    assert sorted(zip(across, up, strict=True)) == list(zip(x_of(line), y_of(line), strict=True))
    assert line.get_drawstyle() == ("steps-pre" if objectives[0] == "auroc" else "steps-post")


def test_the_front_of_three_objectives_is_not_connected_but_framed() -> None:
    sweep = make_sweep(objectives=("ece", "auroc", "brier"))
    axes = sweep_figures.trials(sweep).axes[0]
    assert not axes.lines
    framed = {place for its in axes.collections if np.asarray(its.get_linewidth())[0] > 0 for place in places_of(its)}
    assert len(framed) == len(sweep.front)


def test_trials_of_the_front_have_their_numbers_and_neighbours_share_a_place() -> None:
    sweep = make_sweep()
    texts = [text.get_text() for text in sweep_figures.trials(sweep).axes[0].texts]
    assert sorted(int(number) for text in texts for number in text.split(", ")) == sorted(sweep.front)
    figure = sweep_figures.trials(replace(sweep, front=[trial.number for trial in sweep.finished]))
    drawn(figure)
    assert len(figure.axes[0].texts) < len(sweep.finished)
    assert any(text.get_text().endswith("…") for text in figure.axes[0].texts)


@pytest.mark.parametrize("name", ["ece", "auroc"])
def test_of_one_objective_the_best_so_far_is_shown_by_trial(name: str) -> None:
    sweep = make_sweep(objectives=(name,))
    axes = sweep_figures.trials(sweep).axes[0]
    numbers = [trial.number for trial in sweep.finished]
    values = [100 * trial.objectives[name] for trial in sweep.finished]
    line = front_line(axes)
    assert list(x_of(line)) == numbers
    for place, best in enumerate(y_of(line)):
        assert best == pytest.approx((max if name == "auroc" else min)(values[: place + 1]))
    assert {x for places in points(axes).values() for x, _ in places} == set(numbers)
    assert [text.get_text() for text in axes.texts] == [str(sweep.front[0])]


def test_methods_are_told_apart_by_more_than_colour_and_named_in_the_legend(sweep: SweepResults) -> None:
    figure = sweep_figures.trials(sweep)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "zero shot",
        "verbalized",
        "sampling",
        "fine tuned",
        "Pareto front",
    ]
    shapes = {colour_of(its): np.shape(its.get_paths()[0].vertices) for its in figure.axes[0].collections}
    assert len(shapes) == 4
    assert len(set(shapes.values())) > 1


def test_a_method_has_a_panel_where_several_options_and_trials_are(sweep: SweepResults) -> None:
    assert [entry.label for entry in sweep_figures.with_panels(sweep)] == ["sampling", "fine_tuned"]
    assert not sweep_figures.with_panels(make_sweep(n=6))


def test_lines_pass_through_the_values_of_their_options_at_the_scale_of_the_axis(sweep: SweepResults) -> None:
    panel = sweep_figures.settings(sweep).axes[1]
    entry = sweep.entries[3]
    lines = sorted(tuple(y_of(line)) for line in panel.lines if len(x_of(line)) == len(entry.options))
    ranks, modules = (entry.options[place].categories for place in (1, 2))
    expected = sorted(
        (
            (np.log10(float(trial.settings["learning_rate"])) + 5) / 3,
            ranks.index(trial.settings["rank"]) / 2,
            modules.index(trial.settings["target_modules"]),
            float(trial.settings["dropout"]) / 0.3,
        )
        for trial in sweep.of_entry(entry)
    )
    assert np.array(lines) == pytest.approx(np.array(expected))
    ticks = {
        (text.xy[0], round(text.xy[1], 6)): text.get_text() for text in panel.texts if isinstance(text, Annotation)
    }
    assert ticks[0, 0] == "1e-05"
    assert ticks[0, 0.5] == "0.000316"
    assert ticks[0, 1] == "0.01"
    assert [ticks[1, height] for height in (0, 0.5, 1)] == ["4", "8", "16"]
    assert ticks[2, 1] == "all-linear"


@pytest.mark.parametrize("name", ["ece", "auroc"])
def test_lines_are_coloured_by_the_first_objective_with_the_best_one_thick_and_dark(name: str) -> None:
    sweep = make_sweep(objectives=(name,))
    axes = sweep_figures.settings(sweep).axes
    entries = sweep_figures.with_panels(sweep)
    assert entries
    for panel, bar, entry in zip(axes[: len(entries)], axes[len(entries) :], entries, strict=True):
        lines = [line for line in panel.lines if len(x_of(line)) == len(entry.options)]
        light = [sum(to_rgb(line.get_color())) for line in lines]
        (thick,) = [line for line in lines if line.get_linewidth() > 2]
        assert thick is lines[-1]
        assert sum(to_rgb(thick.get_color())) == min(light) < 0.8
        assert max(light) > 1.8
        values = [100 * trial.objectives[name] for trial in sweep.of_entry(entry)]
        assert bar.get_ylim() == pytest.approx((min(values), max(values)))
        assert f"{'higher' if name == 'auroc' else 'lower'} is better" in bar.get_ylabel()


def test_ticks_of_parallel_axes_are_not_cut_off(sweep: SweepResults) -> None:
    figure = sweep_figures.settings(sweep)
    renderer = drawn(figure)
    texts = [text for axes in figure.axes for text in (*axes.texts, *axes.get_xticklabels(), axes.yaxis.label)]
    boxes = [text.get_window_extent(renderer) for text in filter(Text.get_text, texts)]
    assert boxes
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= figure.bbox.width


def test_one_value_for_all_is_drawn_too() -> None:
    sweep = make_sweep()
    same = [
        replace(trial, objectives=dict.fromkeys(trial.objectives, 0.25)) if trial.state == "finished" else trial
        for trial in sweep.trials
    ]
    for draw in DRAWN:
        assert png(draw(replace(sweep, trials=same)), dpi=20).startswith(b"\x89PNG")


def test_bars_are_as_long_as_the_shares_and_named_by_method_and_option(sweep: SweepResults) -> None:
    for axes, name in zip(sweep_figures.importances(sweep).axes, sweep.objectives, strict=True):
        shares = sweep.importances[name].shares
        assert [bar.get_width() for bar in rectangles(axes)] == pytest.approx([100 * its.share for its in shares])
        names = [text.get_text().replace("\n", " ") for text in axes.get_yticklabels()]
        assert names[0] == "method"
        assert set(names[1:]) == {
            f"{label}: {option.name}".replace("_", " ") for label, its in OPTIONS.items() for option in its
        }
        assert axes.yaxis_inverted()  # the largest on top
        colours = {its.entry: to_hex(bar.get_facecolor()) for its, bar in zip(shares, axes.patches, strict=True)}
        assert colours["sampling"] == to_hex(colour(2))


def test_an_objective_without_importances_says_why_beside_the_others(sweep: SweepResults) -> None:
    given = {"ece": make_importances(), "auroc": Importances(reason="all finished trials have the same value")}
    left, right = sweep_figures.importances(replace(sweep, importances=given)).axes
    assert left.patches
    assert not right.patches
    assert [text.get_text().replace("\n", " ") for text in right.texts] == ["all finished trials have the same value"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("draw", DRAWN)
def test_figures_work_for_any_number_of_objectives(draw: Draw, count: int) -> None:
    sweep = make_sweep(objectives=("ece", "auroc", "brier", "prr")[:count])
    figure = draw(sweep)
    if draw is sweep_figures.importances:
        assert len(figure.axes) == count
    shown = imread(BytesIO(png(figure, dpi=20)))
    assert shown.min() < shown.max()


def test_dollar_signs_and_long_names_start_no_formula() -> None:
    sweep = make_sweep()
    name = "sampling $x_{ with a name that somebody has written at length"
    renamed = replace(
        sweep,
        entries=[replace(its, label=name) if its.label == "sampling" else its for its in sweep.entries],
        trials=[replace(its, entry=name) if its.entry == "sampling" else its for its in sweep.trials],
        importances=dict.fromkeys(sweep.objectives, Importances(reason="$none{ at all")),
    )
    for draw in DRAWN:
        assert png(draw(renamed), dpi=20).startswith(b"\x89PNG")


def test_bars_of_a_sweeps_run_stand_one_above_the_other_with_labels_that_do_not_touch() -> None:
    results = make_swept()
    names = [f"recalibrated, {name}" for name in ("default", "best", "trial 1", "trial 2", "trial 3")]
    names += [f"semantic entropy, trial {number}" for number in range(9)]
    methods = [*results.methods, *(replace(results.methods[0], label=name) for name in names)]
    figure = figures.bar_chart(replace(results, methods=methods))
    renderer = drawn(figure)
    above, below = (axes.get_window_extent(renderer) for axes in figure.axes)
    assert above.x0 == below.x0
    assert above.y0 > below.y1
    for axes in figure.axes:
        boxes = [label.get_window_extent(renderer) for label in axes.get_xticklabels()]
        assert len(boxes) == len(methods)
        assert not any(left.overlaps(right) for left, right in pairwise(boxes))
