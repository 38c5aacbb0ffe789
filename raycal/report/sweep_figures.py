"""Figures of a sweep's trials, as matplotlib Figures that belong to no window and no global state."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from raycal.report.labels import shown
from raycal.report.style import BOX, INK, RULE, SOFT, colour, instead, styled, wrapped
from raycal.report.sweep_results import Importances, SearchedOption, SweepEntry, SweepResults, SweepTrial
from raycal.report.sweep_tables import value_text
from raycal.report.wording import style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^vPX*<>hp"  # with the eight colours, 24 looks
_FRONT: dict[str, Any] = {"color": INK, "linewidth": 1.4}
_FEW_OPTIONS, _FEW_TRIALS = 2, 4  # from which on an entry has a panel of parallel coordinates
_APART = 0.06  # of an axis: closer trials have their numbers in one place
_NAMED = 4  # numbers at most in one place


def trials(sweep: SweepResults) -> Figure:
    """All finished trials: by the first two objectives with the Pareto front, or the best so far of a single one."""
    from matplotlib.lines import Line2D

    with styled(width=8.0, height=5.4) as figure:
        axes = figure.subplots()
        axes.grid(color=RULE, linewidth=0.6)
        if len(sweep.objectives) == 1:
            _course(axes, sweep)
            best = Line2D([], [], **_FRONT, label="best so far")
        else:
            _front(axes, sweep)
            frame: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgewidth": 1.4}
            frame["linestyle"] = "-" if _is_line(sweep) else "none"
            best = Line2D([], [], **_FRONT, **frame, label="Pareto front")
        handles = [*axes.get_legend_handles_labels()[0], best]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _front(axes: Axes, sweep: SweepResults) -> None:
    across, up = (style_of(name) for name in sweep.objectives[:2])
    points = {
        number: (across.drawn(trial.objectives[sweep.objectives[0]]), up.drawn(trial.objectives[sweep.objectives[1]]))
        for number, trial in sweep.by_number.items()
    }
    axes.set_xlabel(across.title)
    axes.set_ylabel(up.title)
    _scatter(axes, sweep, points)
    front = sorted(points[number] for number in sweep.front)
    if _is_line(sweep):
        # What lies between two settings of the front is reached by the worse of them alone.
        style = "steps-pre" if across.higher_is_better else "steps-post"
        axes.plot(*zip(*front, strict=True), drawstyle=style, zorder=2, **_FRONT)
    _number(axes, {number: points[number] for number in sweep.front})


def _is_line(sweep: SweepResults) -> bool:
    """Whether the front is a line in the plane of the first two objectives."""
    return len(sweep.objectives) == 2


def _course(axes: Axes, sweep: SweepResults) -> None:
    name = sweep.objectives[0]
    metric = style_of(name)
    points = {
        number: (float(number), metric.drawn(trial.objectives[name])) for number, trial in sweep.by_number.items()
    }
    axes.set_xlabel("trial")
    axes.set_ylabel(metric.title)
    axes.locator_params(axis="x", integer=True)
    _scatter(axes, sweep, points)
    best = (np.maximum if metric.higher_is_better else np.minimum).accumulate([y for _, y in points.values()])
    axes.plot(list(points), best, drawstyle="steps-post", zorder=2, **_FRONT)
    _number(axes, {number: points[number] for number in sweep.front})


def _scatter(axes: Axes, sweep: SweepResults, points: dict[int, tuple[float, float]]) -> None:
    for entry in sweep.entries:
        numbers = [trial.number for trial in sweep.of_entry(entry)]
        if not numbers:
            continue
        place = sweep.places[entry.label]
        look: dict[str, Any] = {"color": colour(place), "marker": _MARKERS[place % len(_MARKERS)]}
        front = [points[number] for number in numbers if number in sweep.front]
        rest = [points[number] for number in numbers if number not in sweep.front]
        # An entry whose trials are all on the front has a name in the legend too.
        axes.scatter(
            *_columns(rest), s=34, alpha=0.75, linewidths=0, zorder=2.5, label=_label(sweep, entry.label), **look
        )
        axes.scatter(*_columns(front), s=90, edgecolors=INK, linewidths=1.4, zorder=3, **look)


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _number(axes: Axes, points: dict[int, tuple[float, float]]) -> None:
    """Write the trials' numbers beside them; those of close neighbours stand in one place."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    together: dict[tuple[float, float], list[int]] = {}
    for number, (x, y) in sorted(
        points.items(), key=lambda point: point[1], reverse=True
    ):  # numbers stand to the right
        close = [
            numbers
            for (its_x, its_y), numbers in together.items()
            if abs(its_x - x) < _APART * (right - left) and abs(its_y - y) < _APART * (top - bottom)
        ]
        (close[0] if close else together.setdefault((x, y), [])).append(number)
    for place, numbers in together.items():
        text = ", ".join(map(str, sorted(numbers)[:_NAMED])) + (", …" if len(numbers) > _NAMED else "")
        look: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8.5, "bbox": BOX | {"pad": 0.5}}
        axes.annotate(text, place, xytext=(7, 5), **look)


def with_panels(sweep: SweepResults) -> tuple[SweepEntry, ...]:
    """The entries that `settings` shows: with several searched options, and more than a few finished trials."""
    return tuple(
        entry
        for entry in sweep.entries
        if len(entry.options) >= _FEW_OPTIONS and len(sweep.of_entry(entry)) >= _FEW_TRIALS
    )


def settings(sweep: SweepResults) -> Figure:
    """Parallel coordinates, a panel an entry, an axis a searched option, a line a trial in its objective's colour."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    entries = with_panels(sweep)
    name = sweep.objectives[0]
    metric = style_of(name)
    colours = colormaps["viridis_r" if metric.higher_is_better else "viridis"]  # the better, the darker
    with styled(width=9.6, height=0.4 + 3.0 * len(entries)) as figure:
        panels = figure.subplots(len(entries), 1, squeeze=False)[:, 0]
        for axes, entry in zip(panels, entries, strict=True):
            values = {trial.number: metric.drawn(trial.objectives[name]) for trial in sweep.of_entry(entry)}
            scale = Normalize(min(values.values()), max(values.values()))
            axes.set_title(_label(sweep, entry.label), fontsize=10)
            _parallel(axes, entry)
            # The best stands in front.
            for trial in sorted(
                sweep.of_entry(entry),
                key=lambda one_trial: values[one_trial.number],
                reverse=not metric.higher_is_better,
            ):
                _line(axes, entry, trial, colours(scale(values[trial.number])))
            bar = figure.colorbar(ScalarMappable(scale, colours), ax=axes, fraction=0.03, pad=0.02, label=metric.title)
            bar.outline.set_visible(False)
    return figure


def _parallel(axes: Axes, entry: SweepEntry) -> None:
    axes.set_xlim(-0.35, len(entry.options) - 0.75)
    axes.set_ylim(-0.08, 1.08)
    axes.set_xticks(range(len(entry.options)), [wrapped(shown(option.name), 16) for option in entry.options])
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(False)
    for x, option in enumerate(entry.options):
        axes.plot([x, x], [0, 1], color=SOFT, linewidth=1, zorder=1)
        for y, text in _ticks(option):
            axes.annotate(
                text,
                (x, y),
                xytext=(-6, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=8,
                bbox=BOX | {"pad": 0.8},
                zorder=4,
            )


def _ticks(option: SearchedOption) -> list[tuple[float, str]]:
    if option.categories:
        return [(_height(option, name), wrapped(name, 18)) for name in option.categories]
    middle = (option.low * option.high) ** 0.5 if option.log else (option.low + option.high) / 2
    return [(_height(option, value), value_text(value)) for value in (option.low, middle, option.high)]


def _height(option: SearchedOption, value: float | str) -> float:
    """Where a value stands on its axis, from 0 to 1."""
    if isinstance(value, str):
        return option.categories.index(value) / max(1, len(option.categories) - 1)
    low, high = option.low, option.high
    if option.log:
        low, high, value = log(low), log(high), log(value)
    return (value - low) / (high - low)


def _line(axes: Axes, entry: SweepEntry, trial: SweepTrial, shade: Any) -> None:
    heights = [_height(option, trial.settings[option.name]) for option in entry.options]
    is_best = trial.number == entry.best
    width, marker = (3.0, "o") if is_best else (1.3, "")
    axes.plot(range(len(heights)), heights, color=shade, linewidth=width, marker=marker, zorder=3 if is_best else 2)


def importances(sweep: SweepResults) -> Figure:
    """The share of every option in an objective, a panel an objective; a sentence where there are none."""
    rows = max(2, *(len(importance.shares) for importance in sweep.importances.values()))
    columns = min(2, len(sweep.objectives))
    lines = -(-len(sweep.objectives) // columns)
    with styled(width=4.8 * columns, height=(0.9 + 0.3 * rows) * lines) as figure:
        grid = figure.subplots(lines, columns, squeeze=False).flat
        for axes, name in zip(grid, sweep.objectives, strict=False):
            axes.set_title(style_of(name).shown)
            _shares(axes, sweep, sweep.importances[name])
        for axes in list(figure.axes)[len(sweep.objectives) :]:
            axes.remove()
    return figure


def _shares(axes: Axes, sweep: SweepResults, importance: Importances) -> None:
    axes.set_xlabel("share of the importance (%)")
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 112 * max((share.share for share in importance.shares), default=1.0))
    if not importance.shares:
        instead(axes, wrapped(str(importance.reason), 36))
        axes.set_yticks([])
        return
    names = []
    for y, share in enumerate(importance.shares):
        ink = SOFT if share.entry is None else colour(sweep.places[share.entry])
        axes.barh(y, 100 * share.share, height=0.7, color=ink)
        axes.annotate(
            f"{100 * share.share:.0f}",
            (100 * share.share, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
        names.append(parameter(sweep, share.entry, share.option))
    axes.set_yticks(range(len(names)), [wrapped(name, 30) for name in names], fontsize=8.5)
    axes.invert_yaxis()


def parameter(sweep: SweepResults, entry: str | None, option: str) -> str:
    """What an option is called beside those of other entries."""
    return shown(option) if entry is None else f"{shown(sweep.short[entry])}: {shown(option)}"


def _label(sweep: SweepResults, entry: str) -> str:
    return wrapped(shown(sweep.short[entry]), 30)
