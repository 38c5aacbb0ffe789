"""Metrics and thresholds of files of scored answers, for the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from raycal.analysis.metrics_file import MetricsReport
from raycal.analysis.threshold import ThresholdReport
from raycal.metrics import GroupedMetrics, Metric
from raycal.metrics.bootstrap import Interval

_GROUP_COLUMNS = ("accuracy", "ece", "smece", "brier", "auroc")
_GROUPS_SHOWN = 100


def metrics_table(report: MetricsReport) -> Group:
    """The metrics of a file, with their intervals, and those of its groups."""
    covered = "-" if report.coverage is None else f"{report.coverage:.1%}"
    head = f"{report.file}: coverage {covered}, {report.n:,} of {report.graded:,} graded rows have a confidence"
    table = Table("metric", "pooled", header_style="bold")
    if report.grouped is not None:
        table.add_column(f"mean over {len(report.grouped.sizes):,} groups")
    for name, metric in report.metrics.items():
        cells = [_cell(metric, report.intervals.get(name))]
        if report.grouped is not None:
            mean = report.grouped.mean[name]
            without = f" ({len(mean.left_out):,} left out)" if mean.left_out else ""
            cells.append(_cell(mean.metric, report.mean_intervals.get(name)) + without)
        table.add_row(f"{name} ({metric.binning})" if metric.binning else name, *cells)
    groups = [] if report.grouped is None else [_groups_table(report.grouped)]
    return Group(escape(head), table, *groups, *(escape(f"note: {note}") for note in report.notes))


def _cell(metric: Metric, interval: Interval | None) -> str:
    if metric.value is None:
        return f"- {metric.reason}"
    return f"{metric.value:.3f}" + (f" \\[{interval.low:.3f}, {interval.high:.3f}]" if interval else "")


def _groups_table(grouped: GroupedMetrics) -> Table:
    table = Table("group", "n", *_GROUP_COLUMNS, header_style="bold")
    largest = sorted(grouped.sizes, key=lambda group: -grouped.sizes[group])[:_GROUPS_SHOWN]
    for group in sorted(largest):
        values = [grouped.groups[group][name].value for name in _GROUP_COLUMNS]
        shown = ["-" if value is None else f"{value:.3f}" for value in values]
        table.add_row(escape(group), f"{grouped.sizes[group]:,}", *shown)
    if len(grouped.sizes) > _GROUPS_SHOWN:
        table.caption = f"the {_GROUPS_SHOWN} largest of {len(grouped.sizes):,} groups"
    return table


def threshold_text(report: ThresholdReport) -> Text:
    """A threshold, a sentence a line."""
    test = [] if report.test is None else [report.test.sentence]
    notes = (f"note: {note}" for note in report.notes)
    return Text("\n".join([f"{report.source}:", report.found.sentence, *test, *notes]))
