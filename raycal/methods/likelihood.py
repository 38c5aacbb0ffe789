"""p = the answer's length-normalized probability, the geometric mean of its tokens' (Malinin and Gales 2021)."""

from __future__ import annotations

import math
from typing import Literal

from raycal.methods.base import METHODS, Needs, ScoredMethod
from raycal.methods.evidence import Confidence, Evidence, is_logprob


@METHODS.register("likelihood")
class Likelihood(ScoredMethod):
    """p = the answer's length-normalized probability."""

    method: Literal["likelihood"] = "likelihood"

    def needs(self) -> Needs:
        """The log-probabilities of the answer's tokens."""
        return Needs(logprobs=True)

    def score(self, row: Evidence) -> Confidence:
        """exp(mean log-probability)."""
        if row.mean_logprob is None:
            return Confidence(reason="no log-probability")
        if not is_logprob(row.mean_logprob):
            return Confidence(reason=f"the mean log-probability is {row.mean_logprob}, not a number up to 0")
        return Confidence(math.exp(min(row.mean_logprob, 0.0)))
