"""A report's figures. Each function returns a matplotlib Figure that belongs to no window and no global state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from raycal import metrics
from raycal.metrics import Convention, ReliabilityBin
from raycal.report.results import MethodResult, RunResults
from raycal.report.style import BOX, INK, RULE, SOFT, colour, dashes, instead, styled, wrapped
from raycal.report.wording import style_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OVER, _UNDER = "#D55E00", "#0072B2"  # gaps: more confident than right, and less
_BAR = "#c3cfdc"


def bar_chart(results: RunResults) -> Figure:
    """ECE and AUROC in per cent, one bar a method with its interval: the figure of Kapoor et al. (2024).

    Beside each other; of a sweep, which has a bar for each of many settings, one above the other.
    """
    count = len(results.pictured)
    width, height = (1.0 + 0.9 * count, 7.6) if results.sweep else (2.0 + 1.4 * count, 4.4)
    with styled(width=max(7.0, width), height=height) as figure:
        ece, auroc = figure.subplots(2, 1) if results.sweep else figure.subplots(1, 2)
        _bars(ece, results, "ece")
        _bars(auroc, results, "auroc")
        auroc.set_ylim(0, 112)  # room for the values above
        auroc.set_yticks(range(0, 101, 20))
        auroc.axhline(50, color=INK, linestyle="--", linewidth=1, zorder=3)
    return figure


def _bars(axes: Axes, results: RunResults, name: str) -> None:
    metric, methods = style_of(name), results.pictured
    axes.set_title(metric.title)
    top = 10.0
    for x, method in enumerate(methods):
        shown_metric = method.metrics[name]
        if shown_metric.value is None:
            _above(axes, x, 0, "n/a", SOFT)
            continue
        low, high = (100 * end for end in shown_metric.interval or (shown_metric.value, shown_metric.value))
        axes.bar(x, 100 * shown_metric.value, width=0.7, color=colour(x))
        if shown_metric.interval is not None:
            # The middle is the interval's own: a percentile interval of ECE may lie above the value.
            axes.errorbar(x, (low + high) / 2, (high - low) / 2, fmt="none", ecolor=INK, elinewidth=1.2, capsize=4)
        _above(axes, x, max(100 * shown_metric.value, high), metric.number(shown_metric.value), INK)
        top = max(top, 100 * shown_metric.value, high)
    room = max(0.0, 3 - len(methods)) / 2  # so that one bar alone is no wall
    axes.set_xlim(-0.6 - room, len(methods) - 0.4 + room)
    axes.set_ylim(0, 1.15 * top)
    axes.set_xticks(range(len(methods)), [wrapped(results.short[method.label], 13) for method in methods], fontsize=8.5)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    if not methods:
        instead(axes, "no methods")


def reliability_diagrams(results: RunResults) -> Figure:
    """Small multiples, one a method: accuracy by bin of confidence against the diagonal, answers by bin below.

    The bins are those of the run's ECE; where its convention folds confidences, folded ones are shown.
    """
    methods = results.pictured
    columns = min(max(len(methods), 1), 3 if len(methods) in (5, 6, 9) else 4)
    rows = -(-max(len(methods), 1) // columns)
    with styled(width=max(5.0, 2.9 * columns), height=0.5 + 4.1 * rows) as figure:
        grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[3, 1] * rows)
        for place, (diagram, histogram) in enumerate(zip(grid[::2].flat, grid[1::2].flat, strict=True)):
            if place >= max(len(methods), 1):
                diagram.remove()
                histogram.remove()
                continue
            unit_axes(diagram, histogram, first=place % columns == 0)
            if methods:
                _reliability(diagram, histogram, methods[place], results)
            else:
                instead(diagram, "no methods")
                histogram.set_yticks([])
        figure.legend(handles=gap_legend(), loc="outside lower center", ncols=2 if columns < 3 else 4)
    return figure


def gap_legend() -> list[Artist]:
    """What the colors and lines of a reliability diagram stand for."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(facecolor=_BAR, edgecolor=SOFT, label="accuracy"),
        Patch(**_gap_style(over=True), label="gap: overconfident"),
        Patch(**_gap_style(over=False), label="gap: underconfident"),
        Line2D([], [], color=INK, linestyle="--", linewidth=1, label="calibrated"),
    ]


def unit_axes(diagram: Axes, histogram: Axes, *, first: bool) -> None:
    """Scales and labels of a reliability diagram and its histogram; first: in its row of diagrams."""
    ticks = np.linspace(0, 1, 6)
    for axes in (diagram, histogram):
        axes.set_xlim(0, 1)
        axes.set_xticks(ticks)
    diagram.plot([0, 1], [0, 1], color=INK, linestyle="--", linewidth=1, zorder=3)
    diagram.set_ylim(0, 1)
    diagram.set_yticks(ticks)
    diagram.tick_params(axis="x", labelbottom=False)
    histogram.set_xlabel("confidence")
    histogram.locator_params(axis="y", nbins=3, integer=True)
    if first:
        diagram.set_ylabel("accuracy")
        histogram.set_ylabel("answers")


def _reliability(diagram: Axes, histogram: Axes, method: MethodResult, results: RunResults) -> None:
    diagram.set_title(wrapped(results.short[method.label], 28), fontsize=10)
    known = method.known
    if not known.any():
        instead(diagram, "no confidences")
        histogram.set_yticks([])
        return
    p, correct = method.confidence[known], results.correct[known]
    bins = reliability_bars(diagram, histogram, p, correct, bins=results.bins, convention=results.convention)
    lines = [f"{style_of(name).shown} {_spoken(method, name)}" for name in ("ece", "smece")]
    if not known.all():
        lines.append(f"coverage {100 * known.mean():.1f} %")
    _in_free_corner(diagram, "\n".join(lines), bins)


def reliability_bars(
    diagram: Axes, histogram: Axes, p: ArrayLike, correct: ArrayLike, *, bins: int, convention: Convention | str
) -> list[ReliabilityBin]:
    """Draw each bin's accuracy, the gap to its confidence, and its answers below; returns the bins."""
    drawn = metrics.reliability_bins(p, correct, bins=bins, convention=convention)
    lows, width = [drawn_bin.low for drawn_bin in drawn], 1 / bins
    histogram.bar(
        lows,
        [drawn_bin.count for drawn_bin in drawn],
        width,
        align="edge",
        color=SOFT,
        edgecolor="white",
        linewidth=0.5,
    )
    for drawn_bin in drawn:
        if drawn_bin.accuracy is not None and drawn_bin.confidence is not None:
            gap = drawn_bin.confidence - drawn_bin.accuracy
            diagram.bar(
                drawn_bin.low, drawn_bin.accuracy, width, align="edge", color=_BAR, edgecolor=SOFT, linewidth=0.6
            )
            diagram.bar(drawn_bin.low, gap, width, drawn_bin.accuracy, align="edge", **_gap_style(over=gap > 0))
    return drawn


def _gap_style(*, over: bool) -> dict[str, Any]:
    colour, pale = (_OVER, "#f6d5bf") if over else (_UNDER, "#bfdbeb")
    return {"facecolor": pale, "edgecolor": colour, "hatch": "///" if over else "\\\\\\", "linewidth": 0.6}


def _spoken(method: MethodResult, name: str) -> str:
    value = method.metrics[name].value
    return "n/a" if value is None else style_of(name).spoken(value)


def _in_free_corner(axes: Axes, text: str, bins: Sequence[ReliabilityBin]) -> None:
    """Upper left, unless bars reach up there; then lower right, where only their bodies can be."""
    tall = any(max(one_bin.accuracy or 0, one_bin.confidence or 0) > 0.7 for one_bin in bins if one_bin.low < 0.5)
    x, y, across, up = (0.97, 0.03, "right", "bottom") if tall else (0.03, 0.97, "left", "top")
    axes.text(x, y, text, transform=axes.transAxes, ha=across, va=up, fontsize=9, bbox=BOX, zorder=5)


def risk_coverage(results: RunResults) -> Figure:
    """Risk-coverage curves of all methods in one axes, with the oracle (wrong answers last) and the random line.

    Coverage is the share of all graded answers: the curve of a method without a confidence for some of them ends early.
    """
    with styled(width=8.0, height=5.6) as figure:
        axes = figure.subplots()
        axes.set_xlabel("coverage: share of the answers kept, most confident first (%)")
        axes.set_ylabel("risk: wrong among those kept (%)")
        axes.set_xlim(0, 100)
        axes.grid(color=RULE, linewidth=0.6)
        top = 0.0
        for place, method in enumerate(results.pictured):
            known = method.known
            coverage, risk = metrics.risk_coverage(method.confidence[known], results.correct[known])
            share = coverage * (known.mean() if known.any() else 0.0)
            short = results.short[method.label]
            label = wrapped(short if known.any() else f"{short}: no confidences", 26)
            axes.plot(100 * share, 100 * risk, linestyle=dashes(place), color=colour(place), linewidth=2, label=label)
            # The first few answers make a curve jump; they must not squeeze all that follows.
            top = max(top, *risk[coverage >= 0.05], 0.0)
        if results.n:
            coverage, risk = metrics.risk_coverage(results.correct.astype(float), results.correct)
            axes.plot(100 * coverage, 100 * risk, color=INK, linewidth=1, label="oracle")
            error = 1 - results.correct.mean()
            axes.axhline(100 * error, color=INK, linestyle=(0, (1, 3)), linewidth=1.2, label="random")
            top = max(top, error)
            figure.legend(loc="outside lower center", ncols=3, handlelength=3)
        else:
            instead(axes, "no graded answers")
        axes.set_ylim(0, max(5.0, min(102.0, 110 * top)))
    return figure


def _above(axes: Axes, x: float, y: float, text: str, ink: str) -> None:
    look: dict[str, Any] = {"fontsize": 9, "color": ink, "bbox": BOX | {"pad": 1}, "ha": "center", "va": "bottom"}
    axes.annotate(text, (x, y), xytext=(0, 5), textcoords="offset points", zorder=4, **look)
