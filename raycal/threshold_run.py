"""Which of a run's answers may be trusted: fitted on the calibration split, tried on the test split."""

from __future__ import annotations

from collections.abc import Mapping

from raycal.confidence.threshold import trust_threshold
from raycal.config import Combined, FineTuned, Method, Recalibrated, Recalibration
from raycal.graded import graded
from raycal.questions.question import Split
from raycal.questions.rows import nearest
from raycal.run import Run
from raycal.score import scores_of
from raycal.threshold_report import HeldOut, ThresholdReport


class ThresholdError(ValueError):
    """A run cannot give a threshold; the message says what is missing."""


def threshold_of_run(run: Run, label: str | None, *, error_rate: float, delta: float = 0.1) -> ThresholdReport:
    """The threshold of one of the experiment's methods, by its label.

    error_rate, delta: in (0, 1), see `trust_threshold`. Raises ThresholdError for a method that the experiment does not
    have, or that has given no graded answer of the calibration split a confidence, and ValueError for a rate out of
    range.
    """
    method = _method(run, label)
    scores = scores_of(run, method)
    p, correct = _scored(run, Split.CALIBRATION, scores)
    if not p:
        raise ThresholdError(
            f"no graded answer of the calibration split has a confidence by {method.label}: add calibration to splits, "
            "and run the experiment"
        )
    found = trust_threshold(p, correct, error_rate=error_rate, delta=delta)
    test = HeldOut.of(found.threshold, *_scored(run, Split.TEST, scores))
    return ThresholdReport(f"{run.id}, {method.label}", found, test, _notes(method))


def _method(run: Run, label: str | None) -> Method:
    methods = {method.label: method for method in run.experiment.methods}
    if label is None:
        raise ThresholdError(f"name one of the experiment's methods with --method. There is: {', '.join(methods)}")
    if label not in methods:
        raise ThresholdError(f"the experiment has no method {label!r}: {nearest(label, methods)}")
    return methods[label]


def _scored(run: Run, split: Split, scores: Mapping[str, float]) -> tuple[list[float], list[bool]]:
    rows = [row for row in graded(run, split) if row.answer_key in scores]
    return [scores[row.answer_key] for row in rows], [bool(row.correct) for row in rows]


def _notes(method: Method) -> tuple[str, ...]:
    if not saw_calibration(method):
        return ()
    said = "was itself fitted on the calibration answers, so that the certainty is not guaranteed: go by the test split"
    return (f"{method.label} {said}",)


def saw_calibration(method: Method) -> bool:
    """Whether grades of the calibration split decided how the method ranks answers there (see confidence.threshold)."""
    match method:
        case Recalibrated(by=Recalibration.TEMPERATURE):
            return saw_calibration(method.of)  # a temperature keeps the order
        case Combined() | Recalibrated():
            return True
        case FineTuned():
            return method.adapter is None  # the calibration loss chose among the checkpoints
        case _:
            return False
