"""What the command line prints: runs, metrics and replies as tables, JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table as RichTable

from raycal.store import Store, StoreError

if TYPE_CHECKING:
    from raycal.ask import Reply
    from raycal.grade.file import GradeReport

_RESULTS = """
    SELECT metrics.run, metrics.model, metrics.dataset, metrics.split, metrics.method, metrics.n, metrics.coverage,
           metrics.accuracy, metrics.ece, metrics.ece_low, metrics.ece_high, metrics.smece, metrics.brier,
           metrics.auroc, metrics.auroc_low, metrics.auroc_high, metrics.convention
    FROM metrics JOIN runs ON runs.key = metrics.run
    ORDER BY runs.created DESC, metrics.dataset, metrics.split, metrics.auroc DESC NULLS LAST, metrics.method
"""
_SHOWN = ("run", "dataset", "split", "method", "n", "coverage", "accuracy", "ece", "smece", "brier", "auroc")


def list_results(root: Path, sql: str | None = None) -> list[dict[str, Any]]:
    """The rows of METRICS, latest run first, or those of any query. Raises StoreError where there is no store."""
    if not root.is_dir():
        raise StoreError(f"there is no results store at {root}: run an experiment first, or name one with --store")
    return list(Store(root).rows(sql or _RESULTS))


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header; nothing for no rows."""
    buffer = io.StringIO()
    if rows:
        writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return buffer.getvalue()


def results_table(rows: Sequence[Mapping[str, Any]]) -> RichTable:
    """Rows as a table of text: fractions with three digits and their interval, missing values as a dash."""
    if not rows:
        return RichTable(title="no rows")
    names = [name for name in rows[0] if not name.endswith(("_low", "_high"))]
    names = [name for name in names if name in _SHOWN] if set(_SHOWN) <= set(rows[0]) else names
    table = RichTable(*names, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(row, name) for name in names))
    return table


def _cell(row: Mapping[str, Any], name: str) -> str:
    value, low, high = row[name], row.get(f"{name}_low"), row.get(f"{name}_high")
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3f}" + (f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else "")


def reply_table(reply: Reply) -> RichTable:
    """An answer with each method's confidence, or the reason why there is none."""
    answer = escape(reply.answer) + (" ... (cut off at elicit.max_tokens)" if reply.truncated else "")
    table = RichTable("method", "confidence", title=answer, title_justify="left", header_style="bold")
    for method, confidence in reply.confidences:
        said = f"{confidence.value:.3f}" if confidence.value is not None else f"- {escape(confidence.reason or '')}"
        table.add_row(method.label, said)
    return table


def grades_table(report: GradeReport) -> RichTable:
    """How many rows of a file are correct, and the rows that could not be graded."""
    table = RichTable("graded", "correct", "accuracy", "bad rows", header_style="bold", title=escape(report.file))
    accuracy = "-" if report.accuracy is None else f"{report.accuracy:.3f}"
    table.add_row(str(report.n), str(report.correct), accuracy, str(len(report.bad)))
    if report.bad:
        table.caption = escape("\n".join(f"{row.location}: {row.reason}" for row in report.bad[:5]))
    return table
