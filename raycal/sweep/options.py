"""The values that an option may take in a sweep: a list to choose from, or a range."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from typing import Any

from raycal.errors import RaycalError

_SCALAR = str | int | float | bool | None
_MOST = 2**53  # whole numbers, and values of a range, up to which the study's database tells each from the next


class SweepError(RaycalError, ValueError):
    """The sweep cannot be run as it is written; one line a fault, each with the key it is about."""


@dataclass(frozen=True)
class Choices:
    """Values of which one is taken; a single one is no parameter of the search."""

    values: tuple[Any, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.values) == 1

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values such that where they are valid, all are."""
        return self.values

    @property
    def grid(self) -> tuple[Any, ...]:
        """All of them."""
        return self.values

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.values)

    def suggest(self, trial: Any, name: str) -> Any:
        """One of them, by an Optuna trial."""
        if self.is_fixed:
            return self.values[0]
        named = {self.category(value): value for value in self.values}
        return named[trial.suggest_categorical(name, list(named))]

    def category(self, value: Any) -> Any:
        """A value as Optuna takes it. Raises ValueError where it is not one of them."""
        if not any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in self.values):
            raise ValueError(f"{value!r} is not among {list(self.values)}")
        return value if isinstance(value, _SCALAR) else json.dumps(value, sort_keys=True)


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; a single one is no parameter of the search either."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return self.low == self.high

    @property
    def ends(self) -> tuple[float, ...]:
        """Values such that where they are valid, all are."""
        return (self.low, self.high)

    @property
    def grid(self) -> tuple[float, ...]:
        """All of them. Raises ValueError where they cannot be counted."""
        step = self._grid_step
        return tuple(self.low + number * step for number in range(self.size))

    @property
    def size(self) -> int:
        """How many there are in a grid. Raises ValueError where they cannot be counted."""
        return int((self.high - self.low) / self._grid_step + 1e-9) + 1

    @property
    def _grid_step(self) -> float:
        step = self.step or (1 if self.whole else None)
        if step is None or self.log:
            raise ValueError("a grid needs a range with a step, without log, or a list of values")
        return step

    def suggest(self, trial: Any, name: str) -> float:
        """One of them, by an Optuna trial."""
        if self.is_fixed:
            return self.low
        if self.whole:
            step = int(self.step or 1)
            return int(trial.suggest_int(name, int(self.low), int(self.high), step=step, log=self.log))
        return float(trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log))

    def category(self, value: Any) -> Any:
        """A value as Optuna takes it. Raises ValueError where it is not one of them."""
        if not _is_number(value) or not self.low <= value <= self.high:
            raise ValueError(f"{value!r} is not between {self.low:g} and {self.high:g}")
        return value


Option = Choices | Range


def read_option(value: Any, whole: bool, where: str) -> Option:
    """What is written of an option in a space. whole: whether it is a whole number. Raises SweepError."""
    if isinstance(value, list | tuple):
        if not value:
            raise SweepError(f"{where}: there is nothing to choose from")
        return Choices(tuple(value))
    if not isinstance(value, dict) or not {"low", "high"} & set(value):
        return Choices((value,))
    try:
        return _read_range(value, whole)
    except ValueError as error:
        raise SweepError(f"{where}: {error}") from error


def _read_range(written: dict[str, Any], whole: bool) -> Range:
    if not {"low", "high"} <= set(written) <= {"low", "high", "log", "step"}:
        raise ValueError(f"a range is {{low, high}} with log or step, and not {written}")
    low, high, step, log = written["low"], written["high"], written.get("step"), written.get("log")
    is_switch = isinstance(log, bool | None)
    if not is_switch:
        raise ValueError(f"log is true or false, and not {log!r}")
    if not _is_number(low) or not _is_number(high) or not low <= high:
        raise ValueError(f"low and high are numbers, low not above high, and not {written}")
    if step is not None and not (_is_number(step) and step > 0):
        raise ValueError(f"a step is a number above 0, and not {step!r}")
    numbers = [number for number in (low, high, step) if number is not None]
    if whole and not all(float(number).is_integer() and abs(number) <= _MOST for number in numbers):
        raise ValueError(f"it is a whole number, and so are low, high and step, none beyond {_MOST}")
    if not math.isfinite(float(high) - float(low)) or (high - low) / (step or high - low or 1) > _MOST:
        raise ValueError(f"the range is too wide, or the step too small: {written}")
    if log and (step is not None or low <= 0):
        raise ValueError("a range with log starts above 0 and has no step")
    return Range(low, high, bool(log), step, whole)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max  # false of NaN
