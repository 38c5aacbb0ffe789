"""Metrics of anybody's file: a CSV, JSONL or Parquet file with a column of confidences and one of correctness."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raycal.bootstrap import Bootstrap, Interval
from raycal.metrics import Binning, Convention, Floats, GroupedMetrics, Groups, Metric, evaluate, evaluate_groups
from raycal.questions.rows import nearest

if TYPE_CHECKING:
    import duckdb
    from rich.console import RenderableType

DEFAULT_REPLICATES = 1000
MAX_ROWS_BY_DEFAULT = 1_000_000  # beyond these sizes intervals take minutes, and are computed on request only
MAX_GROUPS_BY_DEFAULT = 200

_NO_GROUP = "(none)"
_GROUP_COLUMNS = ("accuracy", "ece", "smece", "brier", "auroc")
_GROUPS_SHOWN = 100

# Every format is read as text, the shortest that gives the number back: so 0.7 stored in single precision is 0.7.
_QUERY = """
    WITH texts AS (SELECT trim({confidence}::VARCHAR) AS p, lower(trim({correct}::VARCHAR)) AS c,
                          {group}::VARCHAR AS g FROM source)
    SELECT coalesce(try_cast(p AS DOUBLE), 'nan'::DOUBLE) AS confidence,
           p IS NULL OR lower(p) IN ('', 'nan', 'null', 'none') AS missing,
           CASE WHEN c IN ('true', 'yes', '1', '1.0') THEN 1 WHEN c IN ('false', 'no', '0', '0.0') THEN 0
                WHEN c IS NULL OR c IN ('', 'nan', 'null', 'none') THEN -1 ELSE -2 END::TINYINT AS correct,
           g AS "group"
    FROM texts
"""


class MetricsFileError(ValueError):
    """A file whose metrics cannot be computed; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True, eq=False)
class MetricsReport:
    """The metrics of a file.

    rows: all of the file's. graded: those that say whether they are correct. n: those of them with a confidence, which
    the metrics are over. intervals and mean_intervals are empty where none were computed, and say None for a metric
    without a value. grouped is None where no group column was named.
    """

    file: str
    rows: int
    graded: int
    n: int
    binning: Binning
    metrics: dict[str, Metric]
    intervals: dict[str, Interval | None]
    grouped: GroupedMetrics | None
    mean_intervals: dict[str, Interval | None]
    notes: tuple[str, ...]

    @property
    def coverage(self) -> float | None:
        """The share of the graded rows that has a confidence, in [0, 1]; None where no row is graded."""
        return self.n / self.graded if self.graded else None

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-serialisable data."""
        report: dict[str, Any] = {
            "file": self.file,
            "rows": self.rows,
            "graded": self.graded,
            "n": self.n,
            "coverage": self.coverage,
            "convention": str(self.binning.convention),
            "bins": self.binning.bins,
            "metrics": {name: _entry(metric, self.intervals) for name, metric in self.metrics.items()},
            "notes": list(self.notes),
        }
        if self.grouped is not None:
            report["group_mean"] = {
                name: _entry(mean.metric, self.mean_intervals) | {"groups": mean.groups, "left_out": mean.left_out}
                for name, mean in self.grouped.mean.items()
            }
            report["groups"] = {
                group: {"n": size, "metrics": {name: _entry(metric, {}) for name, metric in of_group.items()}}
                for (group, size), of_group in zip(
                    self.grouped.sizes.items(), self.grouped.groups.values(), strict=True
                )
            }
        return report

    def table(self) -> RenderableType:
        """The report for a terminal."""
        from rich.console import Group
        from rich.markup import escape
        from rich.table import Table

        covered = "-" if self.coverage is None else f"{self.coverage:.1%}"
        title = f"{escape(self.file)}: {self.n:,} of {self.graded:,} graded rows have a confidence ({covered})"
        table = Table("metric", "pooled", title=title, title_justify="left", header_style="bold")
        if self.grouped is not None:
            table.add_column(f"mean over {len(self.grouped.sizes)} groups")
        for name, metric in self.metrics.items():
            label = f"{name} ({metric.binning})" if metric.binning else name
            means = [] if self.grouped is None else [_cell(self.grouped.mean[name].metric, self.mean_intervals)]
            table.add_row(label, _cell(metric, self.intervals), *means)
        parts = [table, *([] if self.grouped is None else [_groups_table(self.grouped)])]
        return Group(*parts, *(f"note: {escape(note)}" for note in self.notes))


def _entry(metric: Metric, intervals: Mapping[str, Interval | None]) -> dict[str, Any]:
    interval = intervals.get(metric.name)
    reason = {"reason": metric.reason} if metric.reason else {}
    return {"value": metric.value, **reason, **(asdict(interval) if interval else {})}


def _cell(metric: Metric, intervals: Mapping[str, Interval | None]) -> str:
    if metric.value is None:
        return f"- {metric.reason}"
    interval = intervals.get(metric.name)
    return f"{metric.value:.3f}" + (f" \\[{interval.low:.3f}, {interval.high:.3f}]" if interval else "")


def _groups_table(grouped: GroupedMetrics) -> RenderableType:
    from rich.markup import escape
    from rich.table import Table

    table = Table("group", "n", *_GROUP_COLUMNS, header_style="bold")
    largest = sorted(grouped.sizes, key=lambda group: -grouped.sizes[group])[:_GROUPS_SHOWN]
    for group in sorted(largest):
        values = [grouped.groups[group][name].value for name in _GROUP_COLUMNS]
        shown = ["-" if value is None else f"{value:.3f}" for value in values]
        table.add_row(escape(group), f"{grouped.sizes[group]:,}", *shown)
    if len(grouped.sizes) > _GROUPS_SHOWN:
        table.caption = f"the {_GROUPS_SHOWN} largest of {len(grouped.sizes):,} groups"
    return table


def metrics_of_file(
    path: Path,
    *,
    confidence: str = "confidence",
    correct: str = "correct",
    group: str | None = None,
    bins: int = 10,
    convention: Convention = Convention.EQUAL_WIDTH,
    replicates: int | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> MetricsReport:
    """All metrics of a file's rows, pooled and, with a `group` column, by group and on average over groups.

    The `confidence` column holds numbers in [0, 1]; an empty one, null or NaN is missing: it counts against coverage and
    is otherwise left out. The `correct` column holds true/false, yes/no or 1/0, in any case; a row where it is empty is
    ungraded and left out. Rows without a group form the group "(none)".

    replicates: of the bootstrap; 0 computes no intervals. None computes 1,000 up to a million rows and, for the mean, 200
    groups; beyond, the report's notes say that intervals were left out.

    Raises MetricsFileError for a file that is missing, empty, of an unknown format or malformed, a column that it does
    not have, and the first row whose confidence or correctness cannot be understood.
    """
    p, is_correct, groups = _read(path, confidence, correct, group)
    graded = is_correct >= 0
    used = graded & ~np.isnan(p)
    kept, right = p[used], is_correct[used] == 1
    binning = Binning(convention, bins)
    metrics = evaluate(kept, right, bins=bins, convention=convention)
    grouped, split, notes = None, None, []
    if groups is not None:
        split = Groups(groups.names, groups.codes[used])
        grouped = evaluate_groups(kept, right, split, bins=bins, convention=convention)
    wanted, mean_wanted = replicates, replicates
    if replicates is None:
        wanted = DEFAULT_REPLICATES if len(kept) <= MAX_ROWS_BY_DEFAULT else 0
        mean_wanted = wanted if grouped is None or len(grouped.sizes) <= MAX_GROUPS_BY_DEFAULT else 0
    ...
