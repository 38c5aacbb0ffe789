"""Metrics by group (a subject, say) and their unweighted means over groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raycal.metrics.binning import Binning, Convention
from raycal.metrics.built_in import metric_definitions
from raycal.metrics.counts import Ints, checked
from raycal.metrics.definitions import MetricDefinition
from raycal.metrics.evaluate import Metric, evaluate


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row belongs to. names: sorted; codes: (n,) each row's index into them."""

    names: tuple[str, ...]
    codes: Ints

    @classmethod
    def of(cls, labels: ArrayLike) -> Groups:
        """Groups from one label a row, (n,) of texts or whole numbers; missing ones are a group of their own."""
        given = np.asarray(labels)
        given = given.astype(str) if given.dtype == object else given
        names, codes = np.unique(given, return_inverse=True)
        return cls(tuple(str(name) for name in names), codes)


def by_group(
    p: ArrayLike, correct: ArrayLike, group: ArrayLike | Groups
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Each group that has rows: its name, p and correct. ValueError names rows, counted in the whole."""
    shape = checked(p, correct)[0].shape
    split = group if isinstance(group, Groups) else Groups.of(group)
    if split.codes.shape != shape:
        raise ValueError(f"p and group must be of equal length, not {shape} and {split.codes.shape}")
    order = np.argsort(split.codes, kind="stable")
    sizes = np.bincount(split.codes, minlength=len(split.names))
    for name, size, end in zip(split.names, sizes, np.cumsum(sizes), strict=True):
        if size:
            yield name, np.asarray(p)[order[end - size : end]], np.asarray(correct)[order[end - size : end]]


@dataclass(frozen=True)
class GroupMean:
    """The unweighted mean of a metric over the groups that define it, and why the others do not (group -> reason)."""

    metric: Metric
    groups: int
    left_out: dict[str, str]


@dataclass(frozen=True)
class GroupedMetrics:
    """Each group's size and metrics, and every metric's mean over groups."""

    sizes: dict[str, int]
    groups: dict[str, dict[str, Metric]]
    mean: dict[str, GroupMean]


def evaluate_groups(
    p: ArrayLike,
    correct: ArrayLike,
    group: ArrayLike | Groups,
    *,
    bins: int = 10,
    convention: Convention | str = Convention.EQUAL_WIDTH,
) -> GroupedMetrics:
    """`evaluate` for each group (a subject, say) and the unweighted mean over groups. group: (n,) labels, or Groups."""
    rows = list(by_group(p, correct, group))
    groups = {name: evaluate(of, right, bins=bins, convention=convention) for name, of, right in rows}
    means = {
        name: _mean(definition, {key: metrics[name] for key, metrics in groups.items()}, Binning(convention, bins))
        for name, definition in metric_definitions().items()
    }
    return GroupedMetrics({name: len(of) for name, of, _ in rows}, groups, means)


def _mean(definition: MetricDefinition, metrics: dict[str, Metric], binning: Binning) -> GroupMean:
    values = [metric.value for metric in metrics.values() if metric.value is not None]
    left_out = {group: metric.reason for group, metric in metrics.items() if metric.reason}
    value = float(np.mean(values)) if values else None
    reason = None if values else "no group has a value" if metrics else "there are no rows"
    binned = binning if definition.binned else None
    return GroupMean(Metric(definition.name, value, reason, binned), len(values), left_out)
