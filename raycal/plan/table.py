"""A plan for people: a table with a line a stage, what it needs, and what its numbers rest on."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from raycal.plan.line import Line, Plan

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


def _cells(line: Line, of_gpus: bool) -> list[str]:
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
