"""Metrics of anybody's file: a CSV, JSONL or Parquet file with a column of confidences and one of correctness."""

from __future__ import annotations

import csv
import glob
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raycal.bootstrap import Bootstrap, Interval
from raycal.metrics import Binning, Convention, Floats, GroupedMetrics, Groups, Metric, evaluate, evaluate_groups
from raycal.questions.rows import nearest

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, DuckDBPyRelation
    from rich.console import RenderableType
    from rich.table import Table

DEFAULT_REPLICATES = 1000
# Beyond these sizes intervals take minutes, and are computed on request only.
MAX_ROWS_BY_DEFAULT = 1_000_000
MAX_GROUPS_BY_DEFAULT = 200

_GROUP_COLUMNS = ("accuracy", "ece", "smece", "brier", "auroc")
_GROUPS_SHOWN = 100
_HEAD_BYTES = 1 << 16
_DELIMITERS = ",;\t"
_VALID = {
    "confidence": "a number from 0 to 1 (divide percentages by 100) or empty",
    "correct": "true or false, yes or no, 1 or 0, or empty",
}

# Numbers are read as the shortest text that gives them back, so that 0.7 in single precision is 0.7.
_QUERY = """
    WITH cells AS (SELECT lower(trim(confidence)) AS p, lower(trim(correct)) AS c, trim("group") AS g FROM texts)
    SELECT coalesce(try_cast(p AS DOUBLE), 'nan'::DOUBLE) AS confidence,
           p IS NULL OR p IN ('', 'nan', 'null', 'none') AS missing,
           CASE WHEN c IN ('true', 'yes', '1', '1.0') THEN 1
                WHEN c IN ('false', 'no', '0', '0.0') THEN 0
                WHEN c IS NULL OR c IN ('', 'nan', 'null', 'none') THEN -1
                ELSE -2 END::TINYINT AS correct,
           coalesce(nullif(g, ''), '(none)') AS "group"
    FROM cells
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

    def table(self) -> RenderableType:
        """The report for a terminal."""
        from rich.console import Group
        from rich.markup import escape
        from rich.table import Table

        covered = "-" if self.coverage is None else f"{self.coverage:.1%}"
        head = f"{self.file}: coverage {covered}, {self.n:,} of {self.graded:,} graded rows have a confidence"
        table = Table("metric", "pooled", header_style="bold")
        if self.grouped is not None:
            table.add_column(f"mean over {len(self.grouped.sizes):,} groups")
        for name, metric in self.metrics.items():
            cells = [_cell(metric, self.intervals.get(name))]
            if self.grouped is not None:
                mean = self.grouped.mean[name]
                without = f" ({len(mean.left_out):,} left out)" if mean.left_out else ""
                cells.append(_cell(mean.metric, self.mean_intervals.get(name)) + without)
            table.add_row(f"{name} ({metric.binning})" if metric.binning else name, *cells)
        groups = [] if self.grouped is None else [_groups_table(self.grouped)]
        return Group(escape(head), table, *groups, *(escape(f"note: {note}") for note in self.notes))


def _entry(metric: Metric, intervals: Mapping[str, Interval | None] | None = None) -> dict[str, Any]:
    interval = (intervals or {}).get(metric.name)
    reason = {"reason": metric.reason} if metric.reason else {}
    return {"value": metric.value} | reason | ({"interval": asdict(interval)} if interval else {})


def _cell(metric: Metric, interval: Interval | None) -> str:
    if metric.value is None:
        return f"- {metric.reason}"
    return f"{metric.value:.3f}" + (f" \\[{interval.low:.3f}, {interval.high:.3f}]" if interval else "")


def _groups_table(grouped: GroupedMetrics) -> Table:
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

    The `confidence` column holds numbers in [0, 1]; an empty one, null or NaN is missing: it counts against coverage
    and is otherwise left out. The `correct` column holds true/false, yes/no or 1/0, in any case; a row where it is
    empty is ungraded and left out. Rows without a group form the group "(none)".

    replicates: of the bootstrap; 0 computes no intervals. None computes 1,000 up to a million rows and, for the mean,
    200 groups; beyond, the report's notes say that intervals were left out.

    Raises MetricsFileError for a file that is missing, empty, of an unknown format or malformed, a column that it does
    not have, and the first row whose confidence or correctness cannot be understood.
    """
    rows = _read(path, confidence, correct, group)
    graded = rows.correct >= 0
    used = graded & ~np.isnan(rows.confidence)
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


@dataclass(frozen=True, eq=False)
class _Rows:
    """A file's rows: confidence (n,), NaN where missing; correct (n,), 1, 0, or -1 where ungraded."""

    confidence: Floats
    correct: NDArray[np.int8]
    groups: Groups | None


def _read(path: Path, confidence: str, correct: str, group: str | None) -> _Rows:
    import duckdb

    if not path.is_file():
        raise MetricsFileError(f"there is no file {path}")
    with path.open("rb") as file:
        if not file.read(_HEAD_BYTES).strip():
            raise MetricsFileError(f"{path} is empty")
    with duckdb.connect() as connection:
        try:
            texts = _texts(connection, path, {"confidence": confidence, "correct": correct, "group": group})
            table = texts.query("texts", _QUERY).to_arrow_table()
            p, is_correct = table["confidence"].to_numpy(), table["correct"].to_numpy()
            _refuse(path, texts, "confidence", confidence, ~table["missing"].to_numpy() & ~((p >= 0) & (p <= 1)))
            _refuse(path, texts, "correct", correct, is_correct == -2)
        except duckdb.Error as error:
            raise _unreadable(path, error) from error
    if not len(p):
        raise MetricsFileError(f"{path} holds no rows")
    return _Rows(p, is_correct, None if group is None else _groups(table["group"]))


def _texts(connection: DuckDBPyConnection, path: Path, columns: Mapping[str, str | None]) -> DuckDBPyRelation:
    """The named columns as texts, in the order of the file; a column without a name is null."""
    from duckdb import ColumnExpression, ConstantExpression

    file = glob.escape(str(path))  # DuckDB takes paths for patterns
    wanted = [column for column in columns.values() if column is not None]
    match path.suffix.lower():
        case ".csv":
            header, delimiter = _csv_header(path)
            _check_columns(path, wanted, header)
            # Named by position, because DuckDB's names do not tell upper and lower case apart.
            inside = {name: f"column{position}" for position, name in enumerate(header)}
            types = {f"column{position}": "VARCHAR" for position in range(len(header))}
            dialect = {"sep": delimiter, "quotechar": '"', "escapechar": '"', "auto_detect": False, "header": True}
            source = connection.read_csv(file, columns=types, **dialect)
        case ".jsonl":
            lines = {"format": "newline_delimited", "records": "true"}
            _check_columns(path, wanted, connection.read_json(file, **lines).columns)
            inside = {name: name for name in wanted}
            source = connection.read_json(file, columns=dict.fromkeys(wanted, "VARCHAR"), **lines)
        case ".parquet":
            source = connection.read_parquet(file)
            _check_columns(path, wanted, source.columns)
            inside = {name: name for name in wanted}
        case _:
            raise MetricsFileError(f"{path} has no known format: name it .csv, .jsonl or .parquet")
    return source.select(
        *(
            (ConstantExpression(None) if name is None else ColumnExpression(inside[name])).cast("VARCHAR").alias(alias)
            for alias, name in columns.items()
        )
    )


def _csv_header(path: Path) -> tuple[list[str], str]:
    """The names in a CSV file's first record, and the delimiter that occurs in it most often."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        delimiter = max(_DELIMITERS, key=file.readline().count)
        file.seek(0)
        return [name.strip() for name in next(csv.reader(file, delimiter=delimiter))], delimiter


def _check_columns(path: Path, wanted: Sequence[str], names: Sequence[str]) -> None:
    for column in wanted:
        if column not in names:
            raise MetricsFileError(f"{path} has no column {column!r}: {nearest(column, names)}")
        if names.count(column) > 1:
            raise MetricsFileError(f"{path} has several columns {column!r}: rename all but one")


def _groups(labels: pa.ChunkedArray) -> Groups:
    encoded = labels.dictionary_encode().combine_chunks()
    names, ranks = np.unique(encoded.dictionary.to_pylist(), return_inverse=True)
    return Groups(tuple(str(name) for name in names), ranks[encoded.indices.to_numpy()])


def _refuse(path: Path, texts: DuckDBPyRelation, alias: str, column: str, bad: NDArray[np.bool_]) -> None:
    if bad.any():
        row = int(bad.argmax())
        ((cell,),) = texts.select(alias).limit(1, offset=row).fetchall()
        raise MetricsFileError(f"{path}, data row {row + 1}: {column} is {cell!r}, but must be {_VALID[alias]}")


def _unreadable(path: Path, error: Exception) -> MetricsFileError:
    if path.suffix.lower() == ".jsonl":
        # DuckDB's line numbers of malformed JSON are sometimes one too high.
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if line.strip() and not _is_object(line):
                    return MetricsFileError(f"{path}, line {number}: this is no JSON object")
    said = " ".join(str(error).split("\nPossible")[0].split())
    return MetricsFileError(f"{path} cannot be read: {said}")


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (json.JSONDecodeError, RecursionError):
        return False
