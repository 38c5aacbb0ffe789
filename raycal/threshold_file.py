"""Which of anybody's answers may be trusted: the threshold that a file of scored answers gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from raycal.confidence.threshold import trust_threshold
from raycal.scored_file import read_scored
from raycal.threshold_report import ThresholdReport


def threshold_of_file(
    path: Path, *, error_rate: float, delta: float = 0.1, confidence: str = "confidence", correct: str = "correct"
) -> ThresholdReport:
    """The threshold fitted on a file's rows that are graded and have a confidence; the columns are `read_scored`'s.

    error_rate, delta: in (0, 1), see `trust_threshold`. Raises ScoredFileError as `read_scored` does, and ValueError
    for a rate out of range.
    """
    rows = read_scored(path, confidence=confidence, correct=correct)
    used = rows.used
    found = trust_threshold(rows.confidence[used], rows.correct[used] == 1, error_rate=error_rate, delta=delta)
    left_out = {
        "without a grade": np.sum(~rows.graded),
        "without a confidence, never to be trusted": np.sum(rows.graded & ~used),
    }
    notes = tuple(f"rows left out, {why}: {count:,}" for why, count in left_out.items() if count)
    return ThresholdReport(str(path), found, notes=notes)
