"""p = the answer's length-normalised probability, the geometric mean of its tokens' (Malinin and Gales 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raycal.methods.base import Confidence, Evidence, is_logprob
from raycal.methods.options import Likelihood


def score(_config: Likelihood, rows: Sequence[Evidence]) -> list[Confidence]:
    """A confidence for each row."""
    return [_score(row) for row in rows]


def _score(row: Evidence) -> Confidence:
    if row.mean_logprob is None:
        return Confidence(reason="no log-probability")
    if not is_logprob(row.mean_logprob):
        return Confidence(reason=f"the mean log-probability is {row.mean_logprob}, not a number up to 0")
    return Confidence(math.exp(min(row.mean_logprob, 0.0)))
