"""A report's tables: rows of shown text, made from the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raycal.report.results import RunResults, ShownComparison
from raycal.report.wording import interval, style_of

WRONG_ROWS = 20
_LONGEST_TEXT = 600


@dataclass(frozen=True)
class Cell:
    """A number with its interval; `note` is the number of the footnote that says why there is none.

    `verdict` is what the interval says, where that is said in words.
    """

    text: str
    interval: str = ""
    strong: bool = False
    note: int | None = None
    verdict: str = ""


@dataclass(frozen=True)
class ReportTable:
    """Column headings with what they mean, rows of one heading (or two) and cells, and numbered footnotes."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[tuple[str, ...], Sequence[Cell]]]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class WrongAnswer:
    """One wrong answer, and the confidence that each method had in it."""

    question: str
    answer: str
    accepted: str
    confidences: Sequence[str]


@dataclass(frozen=True)
class Subject:
    """How many answers of a subject were graded, and how many of them are correct."""

    name: str
    n: int
    correct: int
    accuracy: str


def method_table(results: RunResults) -> ReportTable:
    """All metrics of all methods; the best of each column is strong where there is more than one value."""
    notes: dict[str, int] = {}
    bests = {}
    styles = {name: style_of(name) for name in results.metric_names}
    for name, metric in styles.items():
        values = [value for method in results.methods if (value := method.metrics[name].value) is not None]
        if len(set(values)) > 1 and metric.metric.of_method:
            bests[name] = metric.best(values)
    rows = []
    for method in results.ordered:
        cells = [Cell(f"{100 * method.coverage:.1f}")]
        for name, metric in styles.items():
            shown_metric = method.metrics[name]
            if shown_metric.value is None:
                cells.append(Cell("—", note=notes.setdefault(str(shown_metric.reason), len(notes) + 1)))
            else:
                strong = shown_metric.value == bests.get(name)
                cells.append(Cell(metric.number(shown_metric.value), interval(metric, shown_metric), strong))
        rows.append(((results.short[method.label],), cells))
    columns = [("Coverage %", "share of the answers that have a confidence")]
    columns += [(metric.heading, metric.meaning) for metric in styles.values()]
    return ReportTable(columns, rows, tuple(notes))


def difference_table(results: RunResults) -> ReportTable:
    """Paired differences, one row a pair of methods, one column a metric; settled ones are strong."""
    names = [
        name for name in results.metric_names if any(comparison.metric == name for comparison in results.comparisons)
    ]
    pairs: dict[tuple[str, str], dict[str, ShownComparison]] = {}
    for comparison in results.comparisons:
        pairs.setdefault((comparison.method, comparison.baseline), {})[comparison.metric] = comparison
    rank = {method.label: place for place, method in enumerate(results.ordered)}
    rows = [
        (
            (results.short[pair[0]], results.short[pair[1]]),
            [difference(pairs[pair].get(name)) for name in names],
        )
        for pair in sorted(pairs, key=lambda pair: (rank[pair[0]], rank[pair[1]]))
    ]
    return ReportTable([(style_of(name).heading, style_of(name).meaning) for name in names], rows)


def difference(comparison: ShownComparison | None) -> Cell:
    """A paired difference with its interval; strong where it is settled, a dash where there is none."""
    if comparison is None:
        return Cell("—")
    metric = style_of(comparison.metric)
    low, high = metric.difference(comparison.low), metric.difference(comparison.high)
    return Cell(metric.difference(comparison.difference), f"[{low}, {high}]", comparison.settled)


def most_confidently_wrong(results: RunResults) -> list[WrongAnswer]:
    """The wrong answers in which the methods have most confidence, by the mean over those that have one."""
    if not results.methods:
        return []
    confidences = np.stack([method.confidence for method in results.ordered])
    known = ~np.isnan(confidences)
    wrong = np.flatnonzero(~results.correct & known.any(axis=0))
    mean = np.nansum(confidences, axis=0) / np.maximum(known.sum(axis=0), 1)
    top = sorted(wrong, key=lambda i: (-mean[i], results.questions[i]))[:WRONG_ROWS]
    return [
        WrongAnswer(
            shortened(results.questions[i]),
            shortened(results.answers[i]),
            shortened(results.accepted[i]),
            ["—" if np.isnan(p) else f"{p:.2f}" for p in confidences[:, i]],
        )
        for i in top
    ]


def subject_table(results: RunResults) -> list[Subject]:
    """Accuracy by subject, in alphabetical order; empty where no question names a subject."""
    names, rows = np.unique(np.asarray(results.subjects, dtype=object), return_inverse=True)
    if not any(names):
        return []
    counts = np.bincount(rows, minlength=len(names))
    right = np.bincount(rows, weights=results.correct, minlength=len(names)).astype(int)
    return [
        Subject(name or "(none)", int(n), int(k), style_of("accuracy").number(k / n))
        for name, n, k in zip(names, counts, right, strict=True)
    ]


def settings(results: RunResults) -> dict[str, list[tuple[str, str]]]:
    """The names and values of the settings of every method that has some, by label; a part's stand behind its name."""
    return {method.label: list(_flat(method.settings)) for method in results.ordered if method.settings}


def _flat(settings: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        full_name = f"{path}{name.replace('_', ' ')}"
        match value:
            case Mapping():
                yield from _flat(value, f"{full_name}: ")
            case [Mapping(), *_]:
                for number, part in enumerate(value, start=1):
                    yield from _flat(part, f"{full_name} {number}: ")
            case list() | tuple():
                yield full_name, ", ".join(map(str, value)) or "—"
            case bool():
                yield full_name, "yes" if value else "no"
            case _:
                yield full_name, "—" if value is None else str(value)


def shortened(text: str) -> str:
    """The text, cut where it is longer than a table can show; the cut says how long it was."""
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]}… ({len(text):,} characters)"
