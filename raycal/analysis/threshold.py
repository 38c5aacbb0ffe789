"""The confidence above which answers may be trusted, of a run or of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raycal.analysis.scored_file import read_scored
from raycal.errors import RaycalError
from raycal.experiment.run import Run
from raycal.methods.base import Method
from raycal.metrics.threshold import TrustThreshold, trust_threshold
from raycal.questions.question import Split
from raycal.stages.answers import graded
from raycal.stages.score import scores_of
from raycal.text.suggest import nearest


def threshold_of_file(
    path: Path, *, error_rate: float, delta: float = 0.1, confidence: str = "confidence", correct: str = "correct"
) -> ThresholdReport:
    """The threshold fitted on a file's rows that are graded and have a confidence; the columns are `read_scored`'s.

    error_rate, delta: in (0, 1), see `trust_threshold`. Raises ScoredFileError as `read_scored` does, and ValueError
    for a rate out of range.
    """
    rows = read_scored(path, confidence=confidence, correct=correct)
    used = rows.used
    threshold = trust_threshold(rows.confidence[used], rows.correct[used] == 1, error_rate=error_rate, delta=delta)
    left_out = {
        "without a grade": np.sum(~rows.graded),
        "without a confidence, never to be trusted": np.sum(rows.graded & ~used),
    }
    notes = tuple(f"rows left out, {why}: {count:,}" for why, count in left_out.items() if count)
    return ThresholdReport(str(path), threshold, notes=notes)


@dataclass(frozen=True)
class HeldOut:
    """What a threshold does to answers that it was not fitted on.

    coverage: the share of the n answers that are trusted, error: the share of those that is wrong; None where there
    are none.
    """

    n: int
    trusted: int
    coverage: float | None
    error: float | None

    @classmethod
    def of(cls, threshold: float | None, p: Sequence[float], correct: Sequence[bool]) -> HeldOut:
        """Apply a threshold (None trusts nothing) to confidences (n,) in [0, 1] and correctness (n,)."""
        kept = np.zeros(len(p), dtype=bool) if threshold is None else np.asarray(p, dtype=np.float64) >= threshold
        trusted = int(kept.sum())
        wrong = int(trusted - np.asarray(correct, dtype=bool)[kept].sum())
        return cls(len(p), trusted, trusted / len(p) if len(p) else None, wrong / trusted if trusted else None)

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if self.coverage is None:
            return "There are no test answers with a grade and a confidence to try it on."
        wrong = "" if self.error is None else f", of which {self.error:.1%} are wrong"
        return f"Of the test answers, {self.coverage:.1%} are trusted ({self.trusted:,} of {self.n:,}){wrong}."


@dataclass(frozen=True)
class ThresholdReport:
    """A threshold; `source` names the file or the run and method, `test` is None where there are no other answers."""

    source: str
    found: TrustThreshold
    test: HeldOut | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-serialisable data."""
        test = {} if self.test is None else {"test": asdict(self.test)}
        return {"source": self.source, **asdict(self.found), **test, "notes": list(self.notes)}


class ThresholdError(RaycalError, ValueError):
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
    threshold = trust_threshold(p, correct, error_rate=error_rate, delta=delta)
    test = HeldOut.of(threshold.threshold, *_scored(run, Split.TEST, scores))
    return ThresholdReport(f"{run.id}, {method.label}", threshold, test, _notes(method))


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
    if not method.saw_calibration:
        return ()
    warning = (
        "was itself fitted on the calibration answers, so that the certainty is not guaranteed: go by the test split"
    )
    return (f"{method.label} {warning}",)
