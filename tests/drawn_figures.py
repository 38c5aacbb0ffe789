"""What stands in a figure, as plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import Collection, LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray


def drawn(figure: Figure) -> RendererAgg:
    """Draw a figure, which lays it out, and return what it was drawn by."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    assert isinstance(renderer, RendererAgg)
    return renderer


def rectangles(axes: Axes) -> list[Rectangle]:
    """The patches of a panel, all of which must be rectangles."""
    bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(bars) == len(axes.patches)
    return bars


def segments(axes: Axes) -> list[NDArray[np.float64]]:
    """The segments of a panel's error bars, each of shape (2, 2): two points."""
    bars = [lines for lines in axes.collections if isinstance(lines, LineCollection)]
    assert len(bars) == len(axes.collections)
    return [np.asarray(segment) for lines in bars for segment in lines.get_segments()]


def x_of(line: Line2D) -> NDArray[Any]:
    return np.asarray(line.get_xdata())


def y_of(line: Line2D) -> NDArray[Any]:
    return np.asarray(line.get_ydata())


def places_of(points: Collection) -> list[tuple[float, float]]:
    """Where the points of a scatter stand."""
    return [(float(x), float(y)) for x, y in np.asarray(points.get_offsets())]


def colour_of(points: Collection) -> str:
    """The colour of the first point of a scatter."""
    return to_hex(np.asarray(points.get_facecolor())[0])
