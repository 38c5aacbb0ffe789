"""Figures of fine-tuning: training curves, and metrics by training size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raycal.report.results import Ablation, RunResults, TrainingCurve
from raycal.report.style import INK, RULE, SOFT, colour, dashes, instead, styled, wrapped
from raycal.report.wording import style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_FEW = 40  # points up to which each of them is a dot
_STEPS: dict[str, Any] = {"color": SOFT, "linewidth": 1.1, "markersize": 3}
_EVALUATED: dict[str, Any] = {"linewidth": 2, "markersize": 4.5}
_KEPT: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.1}
_SKIPPED: dict[str, Any] = {"color": INK, "linestyle": "none", "marker": "x", "markeredgewidth": 1.6}


def training_curves(results: RunResults) -> Figure:
    """Two rows of small panels a fine-tuning, by step.

    Above, of every training step: loss, divergence and learning rate. Below, of the calibration split where it was
    evaluated: loss, ECE and AUROC.
    """
    from matplotlib.lines import Line2D

    curves = results.training
    ink = _colour(curves[0], results) if len(curves) == 1 else INK
    with styled(width=9.6, height=0.5 + 3.6 * len(curves)) as figure:
        grid = figure.subplots(2 * len(curves), 3, squeeze=False)
        for above, below, curve in zip(grid[::2], grid[1::2], curves, strict=True):
            above[0].set_title(wrapped(results.short[curve.label], 34), fontsize=10)
            _trained(above, curve)
            _evaluated(below, curve, _colour(curve, results))
            for axes in (*above, *below):
                _dress(axes, curve)
        handles = [
            Line2D([], [], marker="o", **_STEPS, label="training step"),
            Line2D([], [], marker="o", **_EVALUATED, color=ink, label="calibration split"),
            Line2D([], [], **_KEPT, label="step whose adapter is kept"),
        ]
        if any(curve.skipped.any() for curve in curves):
            handles.append(Line2D([], [], **_SKIPPED, label="skipped step"))
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _trained(panels: Iterable[Axes], curve: TrainingCurve) -> None:
    loss, divergence, rate = panels
    _line(loss, curve, curve.loss, "loss", **_STEPS)
    _line(divergence, curve, curve.divergence, "divergence (nats)", **_STEPS)
    _line(rate, curve, curve.learning_rate, "learning rate", **_STEPS)
    rate.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    for axes in (loss, divergence, rate):
        axes.tick_params(axis="x", labelbottom=False)
    # At the foot, for a skipped step's own loss may be no number.
    foot = np.full(curve.skipped.sum(), 0.05)
    loss.plot(curve.step[curve.skipped], foot, transform=loss.get_xaxis_transform(), **_SKIPPED)


def _evaluated(panels: Iterable[Axes], curve: TrainingCurve, ink: str) -> None:
    loss, ece, auroc = panels
    _line(loss, curve, curve.calibration_loss, "calibration loss", color=ink, **_EVALUATED)
    _line(ece, curve, 100 * curve.calibration_ece, "ECE (%) ↓", color=ink, **_EVALUATED)
    _line(auroc, curve, 100 * curve.calibration_auroc, "AUROC (%) ↑", color=ink, **_EVALUATED)
    for axes in (loss, ece, auroc):
        axes.set_xlabel("step")


def _line(axes: Axes, curve: TrainingCurve, values: NDArray[np.float64], name: str, **look: Any) -> None:
    axes.set_ylabel(name)
    known = np.isfinite(values)
    if known.any():
        axes.plot(curve.step[known], values[known], marker="o" if known.sum() <= _FEW else "", **look)
        axes.locator_params(axis="y", nbins=5)
    else:
        instead(axes, "not measured")
        axes.set_yticks([])


def _dress(axes: Axes, curve: TrainingCurve) -> None:
    room = max(0.5, 0.04 * float(curve.step[-1]))
    axes.set_xlim(curve.step[0] - room, curve.step[-1] + room)
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    if curve.kept is not None:
        axes.axvline(curve.step[curve.kept], zorder=1, **_KEPT)


def _colour(curve: TrainingCurve, results: RunResults) -> str:
    """The method's own, as in the other figures; ink where it is only a part of other methods."""
    return colour(results.places[curve.label]) if curve.label in results.places else INK


def training_sizes(results: RunResults) -> Figure:
    """ECE and AUROC in per cent by the number of training questions, a line a method, beside those of zero-shot."""
    with styled(width=9.6, height=4.6) as figure:
        panels = figure.subplots(1, 2)
        for axes, name in zip(panels, ("ece", "auroc"), strict=True):
            _panel(axes, results, name)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, handlelength=3)
    return figure


def _panel(axes: Axes, results: RunResults, name: str) -> None:
    metric = style_of(name)
    axes.set_title(metric.title)
    axes.set_xscale("log")
    sizes = sorted({size for ablation in results.ablations for size in ablation.sizes})
    span = sizes[-1] / sizes[0]
    for number, ablation in enumerate(results.ablations):
        aside = 0.02 * (number - (len(results.ablations) - 1) / 2)  # so that no interval hides another
        _ablation_line(axes, results, ablation, name, span**aside)
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


def _ablation_line(axes: Axes, results: RunResults, ablation: Ablation, name: str, aside: float) -> None:
    metrics = {method.label: method.metrics[name] for method in results.methods}
    points = {size * aside: metrics[label] for size, label in ablation.sizes.items()}
    values = [np.nan if value.value is None else 100 * value.value for value in points.values()]
    place, label = results.places[ablation.largest], wrapped(results.short[ablation.label], 26)
    ink = colour(place)
    axes.plot(list(points), values, color=ink, linestyle=dashes(place), marker="o", linewidth=2, label=label, zorder=3)
    for x, value in points.items():
        if value.interval is not None:
            low, high = (100 * end for end in value.interval)
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
