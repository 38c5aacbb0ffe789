"""A report's sentences: its finding, and the alternative texts of its figures."""

from __future__ import annotations

import numpy as np

from raycal.report import sweep_figures
from raycal.report.labels import shown
from raycal.report.results import MethodResult, RunResults, TrainingCurve
from raycal.report.sweep_results import SweepResults
from raycal.report.sweep_tables import trial_text
from raycal.report.wording import listed, spoken, style_of


def bar_chart(results: RunResults) -> str:
    """ECE and AUROC of every method, with intervals."""
    ece, auroc = (
        "; ".join(
            f"{results.short[method.label]} {spoken(style_of(name), method.metrics[name], results.level)}"
            for method in results.pictured
        )
        for name in ("ece", "auroc")
    )
    return f"Bar chart. ECE, lower is better: {ece or 'no methods'}. AUROC, higher is better: {auroc or 'no methods'}."


def reliability_diagrams(results: RunResults) -> str:
    """Mean confidence, accuracy, ECE and smECE of every method."""
    methods = "; ".join(_reliability(method, results) for method in results.pictured)
    return f"Reliability diagrams. {methods or 'No methods'}."


def _reliability(method: MethodResult, results: RunResults) -> str:
    known, label = method.known, results.short[method.label]
    if not known.any():
        return f"{label}: no confidences"
    confidence, accuracy = 100 * method.confidence[known].mean(), 100 * results.correct[known].mean()
    ece, smece = (spoken(style_of(name), method.metrics[name], results.level) for name in ("ece", "smece"))
    return f"{label}: mean confidence {confidence:.1f} %, accuracy {accuracy:.1f} %, ECE {ece}, smECE {smece}"


def risk_coverage(results: RunResults) -> str:
    """The area under every method's curve, and the error rate of the random line."""
    aurc = style_of("aurc")
    areas = [
        f"{results.short[method.label]} {spoken(aurc, method.metrics['aurc'], results.level)}"
        for method in results.pictured
    ]
    if results.n:
        areas.append(f"random {aurc.spoken(1 - results.correct.mean())}")
    return f"Risk-coverage curves. Area under the curve, lower is better: {'; '.join(areas) or 'no methods'}."


def training_sizes(results: RunResults) -> str:
    """ECE and AUROC of every method at each of its training sizes, and of the untrained one, with intervals."""
    ece, auroc = (_by_size(results, name) for name in ("ece", "auroc"))
    return f"Curves by the number of training questions. ECE, lower is better: {ece}. AUROC, higher is better: {auroc}."


def _by_size(results: RunResults, name: str) -> str:
    values = {method.label: spoken(style_of(name), method.metrics[name], results.level) for method in results.methods}
    sentences = []
    for ablation in results.ablations:
        by_size = (f"{values[label]} after {size:,}" for size, label in ablation.sizes.items())
        sentences.append(f"{results.short[ablation.label]} {', '.join(by_size)}")
    sentences += [f"{results.short[method.label]}, not trained, {values[method.label]}" for method in results.zero_shot]
    return "; ".join(sentences)


def training_curves(results: RunResults) -> str:
    """Steps, skipped ones, and the calibration split's numbers at the start and where the adapter was kept."""
    return f"Training curves. {'; '.join(_training(curve, results.short[curve.label]) for curve in results.training)}."


def _training(curve: TrainingCurve, label: str) -> str:
    sentence = f"{label}: {curve.step[-1]} steps, {curve.skipped.sum()} of them skipped"
    if curve.kept is None:
        return f"{sentence}, no adapter kept"
    return f"{sentence}, calibration {_at(curve, 0)}, and {_at(curve, curve.kept)}, whose adapter was kept"


def _at(curve: TrainingCurve, place: int) -> str:
    ece, auroc = (
        "n/a" if np.isnan(column[place]) else style_of(name).spoken(float(column[place]))
        for name, column in (("ece", curve.calibration_ece), ("auroc", curve.calibration_auroc))
    )
    return f"loss {curve.calibration_loss[place]:.3f}, ECE {ece}, AUROC {auroc} at step {curve.step[place]}"


def sweep_trials(sweep: SweepResults) -> str:
    """How many trials there are, and which of them none is better than."""
    names = [style_of(name).title for name in sweep.objectives]
    front = "; ".join(trial_text(sweep, sweep.by_number[number]) for number in sorted(sweep.front))
    if len(names) == 1:
        return f"The best value so far over {len(sweep.finished)} finished trials. {names[0]}. Best: {front}."
    kind = "Scatter plot" if len(names) == 2 else "Scatter plot by the first two objectives"
    return f"{kind} of {len(sweep.finished)} finished trials. {'. '.join(names)}. Pareto front: {front}."


def sweep_settings(sweep: SweepResults) -> str:
    """The best trial of every panel."""
    sentences = [
        f"{shown(sweep.short[entry.label])}, {len(sweep.of_entry(entry))} trials, the best of them "
        f"{trial_text(sweep, sweep.by_number[entry.best])}"
        for entry in sweep_figures.with_panels(sweep)
        if entry.best is not None
    ]
    return f"Parallel coordinates of the searched options. {'; '.join(sentences)}."


def sweep_importances(sweep: SweepResults) -> str:
    """The share of every option in every objective, or why there is none."""
    sentences = []
    for name, importance in sweep.importances.items():
        shares = [
            f"{sweep_figures.parameter(sweep, one.entry, one.option)} {100 * one.share:.0f} %"
            for one in importance.shares
        ]
        sentences.append(f"{style_of(name).shown}: {', '.join(shares) or importance.reason}")
    return f"Bar charts of the importance of the searched options. {'; '.join(sentences)}."


_CHANCE = 0.5  # the AUROC of confidences that say nothing
_RIVALS_NAMED = 3


def finding(results: RunResults) -> str:
    """One sentence: the best method by AUROC and by ECE, with values, and which others may be as good."""
    if not results.n:
        return "No answer has been graded, so that there is nothing to find."
    return f"By AUROC, {_standing(results, 'auroc')}; by ECE, {_standing(results, 'ece')}."


def _standing(results: RunResults, name: str) -> str:
    metric = style_of(name)
    defined = {method: method.metrics[name].value for method in results.ordered}
    values = {method: value for method, value in defined.items() if value is not None}
    if not values:
        return "no method has a value"
    top = metric.best(list(values.values()))
    best = next(method for method, value in values.items() if value == top)
    shown = spoken(metric, best.metrics[name], results.level)
    if name == "auroc" and (best.metrics[name].interval or (top, top))[0] <= _CHANCE:
        shown += ", which may be no better than chance"
    others = [method for method in values if method is not best]
    rivals = [results.short[method.label] for method in others if not _beats(results, best, method, name)]
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
    metric = style_of(name)
    for comparison in results.comparisons:
        if comparison.metric == name and {comparison.method, comparison.baseline} == {best.label, other.label}:
            better_end = comparison.difference if comparison.method == best.label else -comparison.difference
            return comparison.settled and (better_end > 0) == metric.higher_is_better
    ours, theirs = best.metrics[name].interval, other.metrics[name].interval
    if ours is None or theirs is None:
        return False
    return ours[0] > theirs[1] if metric.higher_is_better else ours[1] < theirs[0]
