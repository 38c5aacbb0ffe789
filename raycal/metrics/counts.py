"""Rows counted by (confidence, correct): all that the metrics depend on.

A sample is sorted once, and each metric is a sum over its distinct confidences. So ties are treated exactly, the order
of the rows cannot matter, and the bootstrap evaluates resampled counts with the functions that evaluate the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_EDGE_ULPS = 4  # a confidence within so many ulps (of 1, in its own precision) of a bin's edge lies on the edge


@dataclass(frozen=True, eq=False)
class CountedRows:
    """Rows counted by confidence: all that metrics need to know of them.

    confidence: (u,) the distinct confidences, ascending. wrong, right: (u,) how many of each one's rows are which.
    tolerance: how far from a bin's edge a confidence still lies on it, from the precision of the input.
    """

    confidence: Floats
    wrong: Floats
    right: Floats
    tolerance: float

    @classmethod
    def of(cls, p: ArrayLike, correct: ArrayLike) -> CountedRows:
        """Check, sort and count rows. p: (n,) in [0, 1]; correct: (n,) bool or 0/1. ValueError as `checked`."""
        numbers, is_right = checked(p, correct)
        # Non-negative floats are ordered as their bits are: with the label in the lowest bit, one sort of integers does
        # what would take an argsort and two gathers, several times as slow. Adding 0 turns -0 into 0.
        keys = ((numbers + 0.0).view(np.int64) << 1) | is_right
        keys.sort()
        bits = keys >> 1
        starts = np.flatnonzero(np.diff(bits, prepend=-1))
        right = np.add.reduceat(keys & 1, starts).astype(np.float64)
        wrong = np.diff(starts, append=len(keys)) - right
        given = np.asarray(p).dtype
        precision = float(np.finfo(given if given.kind == "f" else np.float64).eps)
        return cls(bits[starts].view(np.float64), wrong, right, _EDGE_ULPS * precision)


def checked(p: ArrayLike, correct: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """p as float64 and correct as bool, both (n,). ValueError names the rows at fault, counted from 0."""
    numbers, labels = _numbers("p", p), _numbers("correct", correct)
    if numbers.ndim != 1 or numbers.shape != labels.shape:
        raise ValueError(f"p and correct must be 1-D and of equal length, not {numbers.shape} and {labels.shape}")
    _refuse("p must lie in [0, 1]", numbers, ~((numbers >= 0) & (numbers <= 1)))
    _refuse("correct must be 0 or 1", labels, (labels != 0) & (labels != 1))
    return numbers, labels == 1


def _numbers(name: str, values: ArrayLike) -> Floats:
    try:
        return np.asarray(values).astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold one number a row: {error}") from None


def _refuse(rule: str, values: Floats, wrong: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        shown = ", ".join(f"row {row} is {values[row]:g}" for row in rows[:5])
        more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
        raise ValueError(f"{rule}, but {shown}{more} (rows are counted from 0)")
