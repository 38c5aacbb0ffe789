"""The values that an option may take in a sweep: a list to choose from, or a range."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from raycal.errors import RaycalError

_SCALAR = str | int | float | bool | None


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

    def suggest(self, trial: Any, name: str) -> Any:
        """One of them, by an Optuna trial."""
        if self.is_fixed:
            return self.values[0]
        named = {self.category(value): value for value in self.values}
        return named[trial.suggest_categorical(name, list(named))]

    def category(self, value: Any) -> Any:
        """A value as Optuna takes it. Raises ValueError where it is not one of them."""
        if value not in self.values:
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
        """All of them. Raises ValueError where they are too many to count."""
        step = self.step or (1 if self.whole else None)
        if step is None or self.log:
            raise ValueError("a grid needs a range with a step, without log, or a list of values")
        count = int((self.high - self.low) / step + 1e-9) + 1
        return tuple(self.low + number * step for number in range(count))

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
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            raise ValueError(f"{value!r} is not between {self.low:g} and {self.high:g}")
        return value


Option = Choices | Range


def read_option(value: Any, whole: bool, where: str) -> Option:
    if isinstance(value, list | tuple):
        if not value:
            raise SweepError(f"{where}: there is nothing to choose from")
        return Choices(tuple(value))
    if not isinstance(value, dict) or not {"low", "high"} & set(value):
        return Choices((value,))
    strange = set(value) - {"low", "high", "log", "step"}
    if strange or not {"low", "high"} <= set(value):
        raise SweepError(f"{where}: a range is {{low, high}} with log or step, and not {value}")
    numbers = [value[name] for name in ("low", "high", "step") if value.get(name) is not None]
    if not all(isinstance(number, int | float) for number in numbers) or not value["low"] <= value["high"]:
        raise SweepError(f"{where}: low and high are numbers, low not above high, and not {value}")
    if whole and not all(float(number).is_integer() for number in numbers):
        raise SweepError(f"{where}: it is a whole number, and so are low, high and step")
    found = Range(value["low"], value["high"], bool(value.get("log")), value.get("step"), whole)
    if found.log and (found.step is not None or found.low <= 0):
        raise SweepError(f"{where}: a range with log starts above 0 and has no step")
    return found
