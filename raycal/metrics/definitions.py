"""The definition of a metric, and the registry of metrics: ours and those of installed packages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from raycal.errors import RaycalError
from raycal.metrics.binning import Binning
from raycal.metrics.counts import CountedRows, Floats
from raycal.registry import Registry

T = TypeVar("T")

# Other columns of the store's table of metrics, which has a column for each of ours.
RESERVED = frozenset(
    {"key", "run", "method", "config", "model", "dataset", "split", "n", "questions", "failed", "coverage", "missing"}
    | {"convention", "bins", "subjects", "undefined", "level", "replicates", "extra"}
)


class MetricError(RaycalError, ValueError):
    """A metric is defined, or computed, in a way that cannot be used; the message names it."""


@dataclass(frozen=True, eq=False)
class CountMatrix:
    """Sets of counts of (confidence, correct), none of them all zero: what a metric is computed from.

    confidence: (u,) the distinct confidences, ascending. wrong, right: (r, u) rows of each confidence, in each of r
    sets; the bootstrap has a set a replicate. tolerance: how far from a bin's edge a confidence still lies on it.
    """

    confidence: Floats
    wrong: Floats
    right: Floats
    tolerance: float
    binning: Binning

    @classmethod
    def of(cls, rows: CountedRows, wrong: Floats, right: Floats, binning: Binning) -> CountMatrix:
        """The sets of counts wrong and right, each (r, u), over the confidences of some rows."""
        return cls(rows.confidence, wrong, right, rows.tolerance, binning)

    @cached_property
    def rows(self) -> Floats:
        """The number of rows of each set, (r,)."""
        total: Floats = (self.wrong + self.right).sum(axis=1)
        return total

    @cached_property
    def correct(self) -> Floats:
        """The number of correct rows of each set, (r,)."""
        total: Floats = self.right.sum(axis=1)
        return total

    @cached_property
    def _results(self) -> dict[object, Any]:
        return {}

    def once(self, function: Callable[[CountMatrix], T]) -> T:
        """A function of these counts, which is called once however many metrics ask for it."""
        if function not in self._results:
            self._results[function] = function(self)
        result: T = self._results[function]
        return result


Formula = Callable[[CountMatrix], Floats]  # (r,) values, NaN where the metric is undefined


@dataclass(frozen=True, kw_only=True)
class MetricDefinition:
    """A metric: all that is known of it, in code, in columns, in tables and in sentences.

    name: its column and its name in files. title: as people are shown it. meaning: one line of what it measures.
    percent: shown in per cent. binned: depends on the convention of an ECE. compared: differences between methods are
    stored. of_method: a merit of the confidences, and so an objective of sweeps; accuracy is one of the answers alone.
    Raises MetricError where the name cannot be a column.

    >>> from raycal.metrics import CountedRows
    >>> bias = MetricDefinition(
    ...     name="bias",
    ...     title="Bias",
    ...     meaning="mean confidence minus accuracy",
    ...     higher_is_better=False,
    ...     formula=lambda counts: ((counts.wrong + counts.right) @ counts.confidence - counts.correct) / counts.rows,
    ... )
    >>> rows = CountedRows.of([0.5, 1.0], [0, 1])
    >>> float(bias.values(CountMatrix.of(rows, rows.wrong[None], rows.right[None], Binning()))[0])
    0.25
    """

    name: str
    title: str
    meaning: str
    higher_is_better: bool
    formula: Formula
    percent: bool = False
    binned: bool = False
    compared: bool = False
    of_method: bool = True

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]*", self.name) or re.search("_(low|high)$|^subject_mean_", self.name):
            raise MetricError(
                f"a metric cannot be called {self.name!r}: a name has small letters, digits and _, "
                "begins with a letter, and neither ends in _low or _high nor begins with subject_mean_"
            )
        if self.name in RESERVED:
            raise MetricError(f"a metric cannot be called {self.name!r}: another column of the results has that name")

    def values(self, counts: CountMatrix) -> Floats:
        """The metric of each set of counts, (r,), NaN where undefined. Raises MetricError for another shape."""
        values = np.asarray(self.formula(counts), dtype=np.float64)
        if values.shape != counts.rows.shape:
            raise MetricError(
                f"the metric {self.name} has values of the shape {values.shape} for {len(counts.rows)} sets of counts: "
                f"its function must return one number a set, {counts.rows.shape}"
            )
        return values


METRICS: Registry[MetricDefinition] = Registry("metric", {})


def metric(
    name: str, *, title: str, meaning: str, higher_is_better: bool, percent: bool = False, binned: bool = False
) -> Callable[[Formula], Formula]:
    """A decorator that registers a function of a CountMatrix as a metric; the options are those of MetricDefinition.

    Raises MetricError, and PluginError where another metric has the name.
    """

    def decorate(formula: Formula) -> Formula:
        definition = MetricDefinition(
            name=name,
            title=title,
            meaning=meaning,
            higher_is_better=higher_is_better,
            formula=formula,
            percent=percent,
            binned=binned,
        )
        METRICS.register(name)(definition)
        return formula

    return decorate
