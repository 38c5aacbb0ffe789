"""The course of every fine-tuning, as a matplotlib Figure that belongs to no window and no global state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raycal.report.results import RunResults, TrainingCurve
from raycal.report.style import INK, RULE, SOFT, colour, instead, styled, wrapped

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
