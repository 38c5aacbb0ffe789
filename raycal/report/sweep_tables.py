"""A sweep's tables in a report: rows of shown text, made from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from raycal.report.labels import shown
from raycal.report.results import MethodResult, RunResults, ShownComparison
from raycal.report.sweep_results import SweepEntry, SweepResults, SweepTrial
from raycal.report.tables import Cell, difference, shortened
from raycal.report.wording import interval, style_of

FAILED_ROWS = 20


@dataclass(frozen=True)
class TriedRow:
    """One setting of an entry, or the difference of its two, with its cells."""

    entry: str
    role: str
    setting: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class TriedTable:
    """Column headings with what they mean, and the rows."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[TriedRow]


@dataclass(frozen=True)
class FailedTrial:
    """One trial that failed, with the last line of its error."""

    number: int
    entry: str
    error: str


def states(sweep: SweepResults) -> list[tuple[str, int]]:
    """How many trials ended how."""
    return [(state, sum(trial.state == state for trial in sweep.trials)) for state in ("finished", "stopped", "failed")]


def failed(sweep: SweepResults) -> list[FailedTrial]:
    """The first of the trials that failed."""
    failed_trials = [trial for trial in sweep.trials if trial.state == "failed"]
    return [
        FailedTrial(trial.number, shown(sweep.short[trial.entry]), shortened(trial.error or "—"))
        for trial in failed_trials[:FAILED_ROWS]
    ]


def tried_table(results: RunResults, sweep: SweepResults) -> TriedTable:
    """Of every entry the default, the best setting and their paired difference, with the best one's objectives."""
    compared = {comparison.metric for comparison in results.comparisons}
    names = [name for name in results.metric_names if name in compared or name in sweep.objectives]
    columns = [(style_of(name).heading, f"{style_of(name).meaning}, on {results.split}") for name in names]
    columns += [
        (
            f"{style_of(name).heading}, {sweep.split}",
            f"{style_of(name).meaning}, on {sweep.split}: what was searched for",
        )
        for name in sweep.objectives
    ]
    return TriedTable(columns, [row for entry in sweep.entries for row in _rows(results, sweep, entry, names)])


def _rows(results: RunResults, sweep: SweepResults, entry: SweepEntry, names: Sequence[str]) -> list[TriedRow]:
    label = shown(sweep.short[entry.label])
    methods = {method.label: method for method in results.methods}
    on_test = _metrics(methods[entry.default_method], names)
    unsearched = [Cell("")] * len(sweep.objectives)
    default = TriedRow(label, "default", said(entry.default_settings), [*on_test, *unsearched])
    if entry.best is None or entry.best_method is None:
        none = [Cell("—")] * len(default.cells)
        return [default, TriedRow(label, "best", "no trial finished", none)]
    trial = sweep.by_number[entry.best]
    cells = [Cell(style_of(name).number(trial.objectives[name])) for name in sweep.objectives]
    if entry.best_method == entry.default_method:
        return [TriedRow(label, f"default = best, trial {trial.number}", said(trial.settings), [*on_test, *cells])]
    best = _metrics(methods[entry.best_method], names)
    pair = (entry.best_method, entry.default_method)
    return [
        default,
        TriedRow(label, f"best, trial {trial.number}", said(trial.settings), [*best, *cells]),
        TriedRow(label, "best − default", "", [*(_difference(results, *pair, name) for name in names), *unsearched]),
    ]


def _metrics(method: MethodResult, names: Sequence[str]) -> list[Cell]:
    cells = []
    for name in names:
        metric = method.metrics[name]
        cells.append(
            Cell("—")
            if metric.value is None
            else Cell(style_of(name).number(metric.value), interval(style_of(name), metric))
        )
    return cells


def _difference(results: RunResults, method: str, baseline: str, name: str) -> Cell:
    """The paired difference, whichever of the two is the baseline in the store, and what its interval says."""
    for comparison in results.comparisons:
        if comparison.metric == name and {comparison.method, comparison.baseline} == {method, baseline}:
            turned = (
                comparison
                if comparison.method == method
                else ShownComparison(method, baseline, name, -comparison.difference, -comparison.high, -comparison.low)
            )
            return replace(difference(turned), verdict=verdict(turned))
    return difference(None)


def verdict(comparison: ShownComparison) -> str:
    """Whether the interval of a paired difference settles which is better."""
    if not comparison.settled:
        return "not settled"
    return "better" if (comparison.difference > 0) == style_of(comparison.metric).higher_is_better else "worse"


def said(settings: Mapping[str, float | str]) -> str:
    """A setting's options with numbers in three digits."""
    return ", ".join(f"{shown(name)} {value_text(value)}" for name, value in settings.items()) or "nothing is searched"


def value_text(value: float | str) -> str:
    """A name as it is, a whole number in full, any other in three digits."""
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{float(f'{value:.3g}'):g}"


def trial_text(sweep: SweepResults, trial: SweepTrial) -> str:
    """A trial in a sentence: its number, entry, setting and objectives."""
    values = ", ".join(
        f"{style_of(name).shown} {style_of(name).spoken(trial.objectives[name])}" for name in sweep.objectives
    )
    setting = f" ({said(trial.settings)})" if trial.settings else ""
    return f"trial {trial.number}, {shown(sweep.short[trial.entry])}{setting}, {values}"
