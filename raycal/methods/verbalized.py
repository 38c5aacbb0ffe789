"""p = the probability that the model states, as a number or in words (Lin et al. 2022; Tian et al. 2023)."""

from __future__ import annotations

from typing import ClassVar, Literal

from raycal.methods.base import METHODS, Needs, ScoredMethod
from raycal.methods.evidence import Confidence, Evidence
from raycal.methods.stated_reply import read_confidence
from raycal.models.prompts import CONFIDENCE_PROMPTS, Phrasing


@METHODS.register("verbalized")
class Verbalized(ScoredMethod):
    """p = the number that the model states."""

    version: ClassVar[int] = 2  # 1 read the first line that said anything, and what was stated of errors

    method: Literal["verbalized"] = "verbalized"
    phrasing: Phrasing = Phrasing.PROBABILITY

    def needs(self) -> Needs:
        """The query for a confidence, in its phrasing."""
        return Needs(prompts=(CONFIDENCE_PROMPTS[self.phrasing],))

    def score(self, row: Evidence) -> Confidence:
        """The confidence that the reply states; see stated_confidence."""
        reply = row.replies.get(CONFIDENCE_PROMPTS[self.phrasing].name)
        if reply is None or reply.text is None:
            return Confidence(reason="no stated confidence")
        return read_confidence(reply.text, self.phrasing, known=f"{row.question}\n{row.answer}")
