"""Tables for the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.table import Table as RichTable

from raycal.cli.terminal import Terminal
from raycal.metrics import METRIC_NAMES, MetricDefinition, metric_definitions
from raycal.plan.lines import Plan, PlanLine
from raycal.store.locations import Location
from raycal.store.metric_columns import unpacked
from raycal.store.store import Store, StoreError
from raycal.text.normalize import last_line, short_numbers

if TYPE_CHECKING:
    from raycal.analysis.export import ExportedSplit
    from raycal.analysis.grade_file import GradeReport
    from raycal.analysis.import_grades import ImportReport
    from raycal.stages.ask import ScoredAnswer


_SHORT_FROM = 100_000
_SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def plan_table(plan: Plan) -> Group:
    """The plan as rich prints it; hours are those of GPUs where there are some for certain."""
    of_gpus = all(line.gpus for line in plan.lines)
    table = Table(
        title=f"{escape(plan.title)}: a plan of requests and tokens, nothing is started",
        title_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
        show_footer=True,
    )
    table.add_column("stage", "in all", overflow="fold", min_width=12)
    for heading, footer in (
        ("questions", ""),
        ("there", ""),
        ("requests", short(plan.requests)),
        ("prompts", short(plan.prompt_tokens)),
        ("generated", short(plan.generated_tokens)),
        ("GPU-hours" if of_gpus else "hours", _total_hours(plan, of_gpus)),
    ):
        table.add_column(heading, footer, justify="right", no_wrap=True)
    for line in plan.lines:
        table.add_row(escape(line.stage), *_cells(line, of_gpus))
    return Group(table, *(escape(sentence) for sentence in (*plan.needs, *plan.assumptions)))


def short(number: int) -> str:
    """A count, in three digits where it has more than five: 123M."""
    if number < _SHORT_FROM:
        return f"{number:,}"
    rounded = float(f"{number:.3g}")
    size, suffix = next((size, suffix) for size, suffix in _SIZES if rounded >= size)
    return f"{rounded / size:.3g}{suffix}"


def _cells(line: PlanLine, of_gpus: bool) -> list[str]:
    sign = "<= " if line.is_bound else "~ "
    return [
        short(line.questions),
        f"{short(line.there)} of {short(line.rows)}",
        short(line.requests),
        short(line.prompt_tokens),
        f"{sign if line.generated_tokens else ''}{short(line.generated_tokens)}",
        _hours(line.gpu_hours if of_gpus else line.hours),
    ]


def _total_hours(plan: Plan, of_gpus: bool) -> str:
    hours = _hours(plan.gpu_hours if of_gpus else plan.hours)
    return f"{hours} + ?" if plan.without_rate else hours


def _hours(hours: float | None) -> str:
    if hours is None:
        return "-"
    return "< 0.01" if 0 < hours < 0.01 else f"{hours:,.2f}"


_RESULTS = """
    SELECT metrics.run, metrics.model, metrics.dataset, metrics.split, metrics.method, metrics.n, metrics.coverage,
           metrics.accuracy, metrics.ece, metrics.ece_low, metrics.ece_high, metrics.smece, metrics.brier,
           metrics.auroc, metrics.auroc_low, metrics.auroc_high, metrics.convention, metrics.extra
    FROM metrics JOIN runs ON runs.key = metrics.run
    ORDER BY runs.created DESC, metrics.dataset, metrics.split, metrics.auroc DESC NULLS LAST, metrics.method
"""
_TRIALS = """
    SELECT trials.sweep, trials.number, trials.entry, trials.method, trials.state, metrics.dataset, metrics.ece,
           metrics.auroc, metrics.brier, trials.seconds, trials.error
    FROM trials LEFT JOIN metrics ON metrics.run = trials.run
    WHERE list_contains(?, trials.sweep)
    ORDER BY trials.sweep, trials.number, metrics.dataset
"""
_REFUSED_SHOWN = 20
_BAD_SHOWN = 5
_SHOWN = ("run", "dataset", "split", "method", "n", "ece", "auroc", "brier")


def list_results(root: Location | str, sql: str | None = None) -> list[dict[str, Any]]:
    """The rows of METRICS, latest run first, with a column a metric, or those of any query.

    Raises StoreError where there is no store.
    """
    store = _store(root)
    if sql:
        table = store.foreign_arrow(sql)
        rows: list[dict[str, Any]] = table.rename_columns(_distinct(table.column_names)).to_pylist()
        return rows
    unpacked_rows = [unpacked(row) for row in store.rows(_RESULTS)]
    columns = dict.fromkeys(name for row in unpacked_rows for name in row)
    return [dict.fromkeys(columns) | row for row in unpacked_rows]


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, one that comes again with a number, as DuckDB has it in a subquery: ece, ece_1."""
    distinct: dict[str, None] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        distinct[name if name not in distinct else next(one for one in numbered if one not in {*names, *distinct})] = (
            None
        )
    return list(distinct)


def list_trials(root: Location | str, name: str) -> list[dict[str, Any]]:
    """The trials of the sweep that is called so, or of all whose experiment is; a row a trial and dataset.

    Of an error there is the last line. Raises StoreError where there is no store or no such sweep.
    """
    store = _store(root)
    sweeps = sorted(row["sweep"] for row in store.rows("SELECT DISTINCT sweep FROM trials"))
    meant = [sweep for sweep in sweeps if name in {sweep, re.sub("-[0-9a-f]{8}$", "", sweep)}]
    if not meant:
        others = f": there are {', '.join(sweeps)}" if sweeps else ", nor any other"
        raise StoreError(f"there is no sweep {name} in {root}{others}")
    return [row | {"error": last_line(row["error"] or "") or None} for row in store.rows(_TRIALS, [meant])]


def _store(root: Location | str) -> Store:
    store = Store.open(root)
    if not store.root.is_dir():
        raise StoreError(f"there is no results store at {root}: run an experiment first, or name one with --store")
    return store


def results_table(rows: Sequence[Mapping[str, Any]], *, all_columns: bool) -> RichTable | str:
    """Rows as a table of text, of all or the main columns: numbers have three digits, missing values are a dash."""
    if not rows:
        return "no rows"
    names = tuple(rows[0]) if all_columns else (*_SHOWN, *(other.name for other in _metrics_of_packages(rows[0])))
    table = RichTable(box=SIMPLE_HEAD)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    return table


def trials_tables(rows: Sequence[Mapping[str, Any]]) -> Group:
    """Rows of `list_trials`, a table a sweep, without the columns that have nothing in them."""
    tables = []
    for sweep in dict.fromkeys(row["sweep"] for row in rows):
        some = [dict(row) | {"method": short_numbers(row["method"])} for row in rows if row["sweep"] == sweep]
        names = [name for name in some[0] if name != "sweep" and any(row[name] is not None for row in some)]
        table = RichTable(
            title=escape(sweep), title_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False
        )
        for name in names:
            numbers = any(isinstance(row[name], int | float) for row in some)
            table.add_column(name, overflow="fold", no_wrap=numbers or name == "state")
        for row in some:
            table.add_row(*(_cell(row[name]) for name in names))
        tables.append(table)
    return Group(*tables)


def method_tables(rows: Sequence[Mapping[str, Any]]) -> list[RichTable]:
    """The methods of a run, rows of METRICS, a table a dataset; percentages with their intervals."""
    tables = []
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        some = [row for row in rows if row["dataset"] == dataset]
        first = some[0]
        title = (
            f"{first['run']}: {first['model']} on {dataset}\n{first['questions']} {first['split']} questions, "
            f"{first['failed']} failed, {_percent(first, 'accuracy', interval=False)} % answered correctly"
        )
        table = RichTable(title=escape(title), title_justify="left", box=SIMPLE_HEAD)
        table.add_column("method", overflow="fold")
        others = _metrics_of_packages(first)
        titles = [f"{other.title} %" if other.percent else other.title for other in others]
        for heading in ("ECE %", "AUROC %", "Brier", *titles, "coverage %"):
            table.add_column(heading, no_wrap=True, justify="right")
        for row in some:
            table.add_row(
                escape(row["method"]),
                _percent(row, "ece"),
                _percent(row, "auroc"),
                _cell(row["brier"]),
                *(_percent(row, other.name) if other.percent else _cell(row[other.name]) for other in others),
                _percent(row, "coverage", interval=False),
            )
        tables.append(table)
    return tables


def _metrics_of_packages(row: Mapping[str, Any]) -> list[MetricDefinition]:
    definitions = metric_definitions()
    return [definitions[name] for name in definitions if name in row and name not in METRIC_NAMES]


def _percent(row: Mapping[str, Any], name: str, *, interval: bool = True) -> str:
    if row[name] is None:
        return "-"
    low, high = (row.get(f"{name}_low"), row.get(f"{name}_high")) if interval else (None, None)
    bounds = f" [{low:.1%}, {high:.1%}]" if low is not None and high is not None else ""
    return f"{row[name]:.1%}{bounds}".replace("%", "")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def reply_table(reply: ScoredAnswer) -> RichTable:
    """An answer with each method's confidence, or the reason why there is none."""
    answer = escape(reply.answer) + (" ... (cut off at elicit.max_tokens)" if reply.truncated else "")
    table = RichTable("method", "confidence", title=answer, title_justify="left", box=SIMPLE_HEAD)
    for method, confidence in reply.confidences:
        shown = f"{confidence.value:.3f}" if confidence.value is not None else f"- {escape(confidence.reason or '')}"
        table.add_row(escape(method.label), shown)
    return table


def grades_table(report: GradeReport) -> RichTable:
    """How many rows of a file are correct, and the rows that could not be graded."""
    table = RichTable("graded", "correct", "accuracy", "bad rows", title=escape(report.file), box=SIMPLE_HEAD)
    accuracy = "-" if report.accuracy is None else f"{report.accuracy:.3f}"
    table.add_row(str(report.n), str(report.correct), accuracy, str(len(report.bad)))
    lines = [f"{row.location}: {row.reason}" for row in report.bad[:_BAD_SHOWN]]
    table.caption = escape("\n".join([*lines, *report.notes])) or None
    return table


def import_table(report: ImportReport) -> RichTable:
    """What became of a file of people's grades, and the rows that were refused."""
    table = RichTable("new", "known", "without a grade", "refused", title=escape(report.file), box=SIMPLE_HEAD)
    table.add_row(str(report.new), str(report.known), str(report.blank), str(len(report.refused)))
    refusals = [f"{row.location}: {row.reason}" for row in report.refused[:_REFUSED_SHOWN]]
    if len(report.refused) > _REFUSED_SHOWN:
        refusals.append(f"and {len(report.refused) - _REFUSED_SHOWN} more: see --json")
    if not report.used:
        refusals.append("the experiment does not use these grades yet: add human to grade.graders")
    table.caption = escape("\n".join(refusals)) or None
    return table


def export_table(splits: Sequence[ExportedSplit]) -> RichTable:
    """What was written of each split, and what was left out."""
    table = RichTable("split", "graded answers", "correct", "ungraded", "no answer", box=SIMPLE_HEAD)
    for one in splits:
        table.add_row(one.split, str(one.n), f"{one.accuracy:.1%}", str(one.ungraded), str(one.failed))
    return table


def print_metrics(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows of METRICS, a table a run and dataset."""
    console = Terminal()
    for table in method_tables(list(rows)):
        console.print(table)
