"""p = share of k samples that are equivalent to the answer (Kapoor et al. 2024; self-consistency, Wang et al. 2023).

Weighted by count it is the number of equivalent samples over k. Weighted by likelihood it is
sum(exp(l_i), i equivalent) / sum(exp(l_i)), with l_i the sample's length-normalized log-probability.
"""

from __future__ import annotations

import math
from dataclasses import replace
from enum import StrEnum
from typing import Literal

from raycal.methods.base import METHODS, Needs
from raycal.methods.equivalence import SampledMethod, sample_forms
from raycal.methods.evidence import Confidence, Evidence, Pair, SampledAnswer, is_logprob, probability


class Weighting(StrEnum):
    """What a sample counts for."""

    COUNT = "count"
    LIKELIHOOD = "likelihood"  # its length-normalized probability


@METHODS.register("sampling")
class Sampling(SampledMethod):
    """p = share of the samples that are equivalent to the answer."""

    method: Literal["sampling"] = "sampling"
    weighting: Weighting = Weighting.COUNT

    def needs(self) -> Needs:
        """See SampledMethod; weights by likelihood are those of the samples' tokens."""
        return replace(super().needs(), logprobs=self.weighting is Weighting.LIKELIHOOD)

    def compared_pairs(self, row: Evidence) -> set[Pair]:
        """The answer with each sample that is spelled in another way."""
        answer = row.form(row.answer)
        return {frozenset((answer, text)) for text in sample_forms(self, row) if text != answer}

    def score(self, row: Evidence) -> Confidence:
        """The weighted share of equivalent samples."""
        reason = self.hindrance(row)
        if reason is not None:
            return Confidence(reason=reason)
        samples = row.first(self.k)
        weights = self._weights(samples)
        if isinstance(weights, str):
            return Confidence(reason=weights)
        answer = row.form(row.answer)
        agreeing = (
            weight
            for weight, sample in zip(weights, samples, strict=True)
            if self.equivalent(row, answer, row.form(sample.text))
        )
        # fsum rounds once, so that the order of the samples does not show.
        return probability(math.fsum(agreeing) / math.fsum(weights), "the agreement")

    def _weights(self, samples: tuple[SampledAnswer, ...]) -> list[float] | str:
        """What each sample counts for, or why that is not known."""
        if self.weighting is Weighting.COUNT:
            return [1.0] * len(samples)
        logprobs = [sample.mean_logprob for sample in samples if is_logprob(sample.mean_logprob)]
        if len(logprobs) < len(samples):
            return f"{len(samples) - len(logprobs)} of {len(samples)} samples lack a log-probability"
        highest = max(logprobs)
        if highest == -math.inf:
            return "every sample has probability 0"
        return [math.exp(logprob - highest) for logprob in logprobs]
