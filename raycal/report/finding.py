"""The sentence at a report's top: which method is best, and whether the intervals bear that out."""

from __future__ import annotations

from raycal.report.results import MethodResult, RunResults
from raycal.report.wording import METRICS, listed, spoken

_CHANCE = 0.5  # the AUROC of confidences that say nothing
_RIVALS_NAMED = 3


def finding(results: RunResults) -> str:
    """One sentence: the best method by AUROC and by ECE, with values, and which others may be as good."""
    if not results.n:
        return "No answer has been graded, so that there is nothing to find."
    return f"By AUROC, {_standing(results, 'auroc')}; by ECE, {_standing(results, 'ece')}."


def _standing(results: RunResults, name: str) -> str:
    metric = METRICS[name]
    defined = {its: its.metrics[name].value for its in results.ordered}
    values = {its: value for its, value in defined.items() if value is not None}
    if not values:
        return "no method has a value"
    top = metric.best(list(values.values()))
    best = next(its for its, value in values.items() if value == top)
    shown = spoken(metric, best.metrics[name], results.level)
    if name == "auroc" and (best.metrics[name].interval or (top, top))[0] <= _CHANCE:
        shown += ", which may be no better than chance"
    others = [its for its in values if its is not best]
    rivals = [results.short[its.label] for its in others if not _beats(results, best, its, name)]
    if not others:
        return f"{results.short[best.label]} is the only method with a value, {shown}"
    return f"{results.short[best.label]} is best at {shown}{_distance(rivals, len(others))}"


def _distance(rivals: list[str], others: int) -> str:
    if not rivals:
        return ", ahead of every other method"
    if len(rivals) <= _RIVALS_NAMED:
        return f", but {listed(rivals)} cannot be told apart from it"
    return f", but {len(rivals)} of the {others} other methods cannot be told apart from it"


def _beats(results: RunResults, best: MethodResult, other: MethodResult, name: str) -> bool:
    """Whether the paired difference is settled in favour of `best`; where none was computed, intervals stand apart."""
    metric = METRICS[name]
    for comparison in results.comparisons:
        if comparison.metric == name and {comparison.method, comparison.baseline} == {best.label, other.label}:
            better_end = comparison.difference if comparison.method == best.label else -comparison.difference
            return comparison.settled and (better_end > 0) == metric.higher_is_better
    ours, theirs = best.metrics[name].interval, other.metrics[name].interval
    if ours is None or theirs is None:
        return False
    return ours[0] > theirs[1] if metric.higher_is_better else ours[1] < theirs[0]
