"""The look of every figure: colours, lines and letters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from raycal.text.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Told apart with any colour vision (Okabe and Ito 2008; the last three after Tol 2021), and dark enough on white paper.
_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#882255", "#555555")
_DASHES = ("-", "--", "-.", (0, (1, 0.8)))
INK, SOFT, RULE = "#1b1f24", "#57606a", "#d0d7de"
BOX: dict[str, Any] = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2}  # behind text
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib brings it along, so that figures are the same on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


@contextmanager
def styled(width: float, height: float) -> Iterator[Figure]:
    """An empty figure, in inches, and raycal's style for as long as it is drawn on."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def png(figure: Figure, dpi: int) -> bytes:
    """A figure as a PNG file; the same figure makes the same bytes."""
    from matplotlib import rc_context

    buffer = BytesIO()
    with rc_context(_STYLE):
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def colour(place: int) -> str:
    """The colour of the method at a place of the figures' order."""
    return _COLOURS[place % len(_COLOURS)]


def dashes(place: int) -> Any:
    """The line of the method at a place of the figures' order; methods that share a colour have different ones."""
    return _DASHES[(place + place // len(_COLOURS)) % len(_DASHES)]


def wrapped(label: str, width: int) -> str:
    """A label over several lines; a dollar sign is one, and starts no formula."""
    filled = textwrap.fill(visible(label), width, break_on_hyphens=False)
    return filled.replace("\n, ", "\n").replace("$", r"\$")  # a comma where a line ends says nothing


def instead(axes: Axes, text: str) -> None:
    """Say in a panel's middle why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=SOFT, bbox=BOX)
