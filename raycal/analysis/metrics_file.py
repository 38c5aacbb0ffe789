"""Metrics of anybody's file: a CSV, JSONL or Parquet file with a column of confidences and one of correctness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raycal.analysis.scored_file import read_scored
from raycal.metrics import Binning, Convention, GroupedMetrics, Groups, Metric, evaluate, evaluate_groups
from raycal.metrics.bootstrap import Bootstrap, Interval

DEFAULT_REPLICATES = 1000
# Beyond these sizes intervals take minutes, and are computed on request only.
MAX_ROWS_BY_DEFAULT = 1_000_000
MAX_GROUPS_BY_DEFAULT = 200


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
        }
        if self.grouped is not None:
            report["group_mean"] = {
                name: _entry(mean.metric, self.mean_intervals) | {"groups": mean.groups, "left_out": mean.left_out}
                for name, mean in self.grouped.mean.items()
            }
            report["groups"] = {
                group: {"n": self.grouped.sizes[group]} | {name: _entry(metric) for name, metric in metrics.items()}
                for group, metrics in self.grouped.groups.items()
            }
        return report | {"notes": list(self.notes)}


def _entry(metric: Metric, intervals: Mapping[str, Interval | None] | None = None) -> dict[str, Any]:
    interval = (intervals or {}).get(metric.name)
    reason = {"reason": metric.reason} if metric.reason else {}
    return {"value": metric.value} | reason | ({"interval": asdict(interval)} if interval else {})


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

    The `confidence` column holds numbers in [0, 1]; an empty one, null or NaN is missing: it counts against coverage
    and is otherwise left out. The `correct` column holds true/false, yes/no or 1/0, in any case; a row where it is
    empty is ungraded and left out. Rows without a group form the group "(none)".

    replicates: of the bootstrap; 0 computes no intervals. None computes 1,000 up to a million rows and, for the mean,
    200 groups; beyond, the report's notes say that intervals were left out.

    Raises ScoredFileError for a file that is missing, empty, of an unknown format or malformed, a column that it does
    not have, and the first row whose confidence or correctness cannot be understood.
    """
    rows = read_scored(path, confidence=confidence, correct=correct, group=group)
    graded, used = rows.graded, rows.used
    p, right = rows.confidence[used], rows.correct[used] == 1
    split = None if rows.groups is None else Groups(rows.groups.names, rows.groups.codes[used])
    grouped = None if split is None else evaluate_groups(p, right, split, bins=bins, convention=convention)

    notes = [] if graded.all() else [f"ungraded rows, which are left out: {np.sum(~graded):,}"]
    pooled_replicates = mean_replicates = replicates
    if replicates is None:
        pooled_replicates, mean_replicates, note = _default_replicates(len(p), len(grouped.sizes) if grouped else 0)
        notes += note
    intervals, mean_intervals = {}, {}
    if pooled_replicates:
        intervals = Bootstrap(pooled_replicates, level, seed, bins, convention).intervals(p, right)
    if mean_replicates and split is not None:
        mean_intervals = Bootstrap(mean_replicates, level, seed, bins, convention).group_mean_intervals(p, right, split)
    return MetricsReport(
        file=str(path),
        rows=len(graded),
        graded=int(graded.sum()),
        n=len(p),
        binning=Binning(convention, bins),
        metrics=evaluate(p, right, bins=bins, convention=convention),
        intervals=intervals,
        grouped=grouped,
        mean_intervals=mean_intervals,
        notes=tuple(notes),
    )


def _default_replicates(n: int, groups: int) -> tuple[int, int, list[str]]:
    """Replicates for pooled values and for the mean over groups, and a note where either has none."""
    if n > MAX_ROWS_BY_DEFAULT:
        return 0, 0, [f"over {MAX_ROWS_BY_DEFAULT:,} rows, intervals are computed where replicates are asked for"]
    if groups > MAX_GROUPS_BY_DEFAULT:
        note = f"over {MAX_GROUPS_BY_DEFAULT} groups, their mean has intervals where replicates are asked for"
        return DEFAULT_REPLICATES, 0, [note]
    return DEFAULT_REPLICATES, DEFAULT_REPLICATES, []
