"""p = softmax over the two choice tokens after "Is the proposed answer correct?" (Kapoor et al. 2024, section 4)."""

from __future__ import annotations

from typing import Literal

from raycal.methods.base import METHODS, Needs, ScoredMethod
from raycal.methods.evidence import Confidence, Evidence, probability
from raycal.models.prompts import CORRECTNESS


@METHODS.register("zero_shot")
class ZeroShot(ScoredMethod):
    """p = softmax over the two choice tokens after the correctness query."""

    method: Literal["zero_shot"] = "zero_shot"

    def needs(self) -> Needs:
        """The correctness query."""
        return Needs(prompts=(CORRECTNESS,))

    def score(self, row: Evidence) -> Confidence:
        """The probability of "yes"."""
        reply = row.replies.get(CORRECTNESS.name)
        if reply is None or reply.p is None:
            return Confidence(reason="no zero-shot probability")
        return probability(reply.p, "p(correct)")
