"""A metric: the mean of confidence minus correctness, which has a sign."""

from __future__ import annotations

from raycal.metrics import CountMatrix, Floats, metric


@metric(
    "overconfidence",
    title="Overconfidence",
    meaning="mean confidence minus accuracy",
    higher_is_better=False,
    percent=True,
)
def overconfidence(counts: CountMatrix) -> Floats:
    gap: Floats = ((counts.wrong + counts.right) @ counts.confidence - counts.correct) / counts.rows
    return gap
