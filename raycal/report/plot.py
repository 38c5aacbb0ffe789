"""Figures from arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from raycal.metrics import Convention, checked
from raycal.report.figures import gap_legend, reliability_bars, unit_axes
from raycal.report.style import instead, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reliability(
    p: ArrayLike,
    correct: ArrayLike,
    *,
    bins: int = 10,
    convention: Convention | str = Convention.EQUAL_WIDTH,
    title: str = "",
) -> Figure:
    """A reliability diagram of p (n,) in [0, 1] against correct (n,) bool or 0/1, with the answers of each bin below.

    The figure belongs to no window: save it by `savefig`, or let a notebook show it. Raises ValueError naming rows.

    >>> figure = reliability([0.2, 0.8, 0.9], [0, 1, 1], bins=5, title="three answers")
    >>> figure.axes[0].get_ylabel()
    'accuracy'
    """
    confidence, right = checked(p, correct)
    with styled(width=5.0, height=4.6) as figure:
        diagram, histogram = figure.subplots(2, 1, height_ratios=[3, 1])
        unit_axes(diagram, histogram, first=True)
        diagram.set_title(title)
        if len(confidence):
            reliability_bars(diagram, histogram, confidence, right, bins=bins, convention=convention)
        else:
            instead(diagram, "no answers")
        figure.legend(handles=gap_legend(), loc="outside lower center", ncols=2)
    return figure
