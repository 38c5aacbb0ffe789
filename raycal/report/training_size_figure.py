"""How good a method is by the size of its training set, as a matplotlib Figure that belongs to no window."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING

import numpy as np

from raycal.report.results import Ablation, RunResults
from raycal.report.style import INK, RULE, colour, dashes, instead, styled, wrapped
from raycal.report.wording import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def training_sizes(results: RunResults) -> Figure:
    """ECE and AUROC in per cent by the number of training questions, a line a method, beside those of zero-shot."""
    with styled(width=9.6, height=4.6) as figure:
        panels = figure.subplots(1, 2)
        for axes, name in zip(panels, ("ece", "auroc"), strict=True):
            _panel(axes, results, name)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, handlelength=3)
    return figure


def _panel(axes: Axes, results: RunResults, name: str) -> None:
    metric = METRICS[name]
    axes.set_title(metric.title)
    axes.set_xscale("log")
    sizes = sorted({size for ablation in results.ablations for size in ablation.sizes})
    span = sizes[-1] / sizes[0]
    for number, ablation in enumerate(results.ablations):
        aside = 0.02 * (number - (len(results.ablations) - 1) / 2)  # so that no interval hides another
        _line(axes, results, ablation, name, span**aside)
    if all(np.isnan(line.get_ydata()).all() for line in axes.lines):
        instead(axes, "no values")
    for method in results.zero_shot:
        value, label = method.metrics[name].value, f"{wrapped(results.short[method.label], 26)} (not trained)"
        if value is not None:
            axes.axhline(100 * value, color=colour(results.places[method.label]), linewidth=1.2, label=label, zorder=1)
    if metric.higher_is_better:
        axes.axhline(50, color=INK, linestyle="--", linewidth=1, zorder=1)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(sizes[0] / span**0.08, sizes[-1] * span**0.08)
    axes.set_xticks(sizes, _numbers(sizes))
    axes.set_xticks([], minor=True)
    axes.set_xlabel("training questions")
    axes.grid(axis="y", color=RULE, linewidth=0.6)


def _line(axes: Axes, results: RunResults, ablation: Ablation, name: str, aside: float) -> None:
    metrics = {method.label: method.metrics[name] for method in results.methods}
    points = {size * aside: metrics[label] for size, label in ablation.sizes.items()}
    values = [np.nan if its.value is None else 100 * its.value for its in points.values()]
    place, label = results.places[ablation.largest], wrapped(results.short[ablation.label], 26)
    ink = colour(place)
    axes.plot(list(points), values, color=ink, linestyle=dashes(place), marker="o", linewidth=2, label=label, zorder=3)
    for x, its in points.items():
        if its.interval is not None:
            low, high = (100 * end for end in its.interval)
            # The middle is the interval's own: a percentile interval of ECE may lie above the value.
            axes.errorbar(x, (low + high) / 2, (high - low) / 2, fmt="none", ecolor=ink, elinewidth=1.2, capsize=4)


def _numbers(sizes: Sequence[int]) -> list[str]:
    """What stands below each tick: its size, or nothing where that would run into the next larger one's."""
    room = log(sizes[-1] / sizes[0]) / 8
    shown: list[int] = []
    for size in reversed(sizes):
        if not shown or log(shown[-1] / size) > room:
            shown.append(size)
    return [f"{size:,}" if size in shown else "" for size in sizes]
