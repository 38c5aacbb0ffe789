"""The bins of an ECE, and the side to which their edges belong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from raycal.errors import RaycalError
from raycal.metrics.counts import Floats, Ints

MOST_BINS = 100_000


class ConventionError(RaycalError, ValueError):
    """Two numbers that were binned by different conventions cannot be compared."""


class Convention(StrEnum):
    """What an ECE bins, and to which bin an edge belongs."""

    EQUAL_WIDTH = "equal_width"  # p(correct) in [lo, hi), the last bin closed at 1 (numpy.histogram, netcal)
    RIGHT_CLOSED = "right_closed"  # p(correct) in (lo, hi], the first bin closed at 0 (Guo et al. 2017)
    TOP_LABEL = "top_label"  # max(p, 1 - p) against "is the likelier label right?", bins as equal_width
    KAPOOR = "kapoor"  # as top_label, but the last bin is half-open: confidence 1 falls out (Kapoor et al. 2024)


@dataclass(frozen=True)
class Binning:
    """A convention, by its name too, and its number of equal-width bins: what makes two ECEs comparable.

    Raises ValueError for fewer bins than one or more than MOST_BINS, and ConventionError for a convention that there is
    none of.

    >>> Binning("kapoor").convention is Convention.KAPOOR
    True
    """

    convention: Convention | str = Convention.EQUAL_WIDTH
    bins: int = 10

    def __post_init__(self) -> None:
        if self.convention not in list(Convention):
            raise ConventionError(f"there is no convention {self.convention!r}: it is one of {', '.join(Convention)}")
        object.__setattr__(self, "convention", Convention(self.convention))  # a text would be compared by identity
        if self.bins < 1:
            raise ValueError(f"an ECE needs at least one bin, not {self.bins}")
        if self.bins > MOST_BINS:
            raise ValueError(f"an ECE has {MOST_BINS:,} bins at most, not {self.bins:,}")

    def __str__(self) -> str:
        return f"{self.convention}, {self.bins} bins"

    def bin_of(self, confidence: Floats, tolerance: float) -> Ints:
        """The bin of each confidence; `bins`, one past the last, for those that the convention leaves out."""
        position = confidence * self.bins
        edge = np.rint(position)
        on_edge = np.abs(position - edge) <= tolerance * self.bins
        if self.convention is Convention.RIGHT_CLOSED:
            return np.maximum(np.where(on_edge, edge, np.ceil(position)).astype(np.intp) - 1, 0)
        last = self.bins if self.convention is Convention.KAPOOR else self.bins - 1
        return np.minimum(np.where(on_edge, edge, np.floor(position)).astype(np.intp), last)
