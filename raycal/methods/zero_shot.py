"""p = softmax over the two choice tokens after "Is the proposed answer correct?" (Kapoor et al. 2024, section 4)."""

from __future__ import annotations

from collections.abc import Sequence

from raycal.methods.base import Confidence, Evidence, probability
from raycal.methods.options import ZeroShot


def score(_config: ZeroShot, rows: Sequence[Evidence]) -> list[Confidence]:
    """A confidence for each row."""
    return [
        Confidence(reason="no zero-shot probability") if row.p_true is None else probability(row.p_true, "p(correct)")
        for row in rows
    ]
