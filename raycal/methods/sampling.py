"""p = share of k samples that are equivalent to the answer (Kapoor et al. 2024; self-consistency, Wang et al. 2023).

Weighted by count it is the number of equivalent samples over k. Weighted by likelihood it is
sum(exp(l_i), i equivalent) / sum(exp(l_i)), with l_i the sample's length-normalised log-probability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from raycal.methods.base import Confidence, Evidence, is_logprob, probability
from raycal.methods.equivalence import Embed, Same, comparer, hindrance
from raycal.methods.options import Sampling, Weighting
from raycal.text.normalize import normalize


def score(config: Sampling, rows: Sequence[Evidence], *, embed: Embed | None = None) -> list[Confidence]:
    """A confidence for each row, from its samples of index below `config.k` alone."""
    same = comparer(config, rows, embed)
    return [_score(config, row, same) for row in rows]


def _score(config: Sampling, row: Evidence, same: Same) -> Confidence:
    reason = hindrance(config, row)
    if reason is not None:
        return Confidence(reason=reason)
    samples = row.first(config.k)
    weights = [1.0] * len(samples)
    if config.weighting is Weighting.LIKELIHOOD:
        logprobs = [sample.mean_logprob for sample in samples if is_logprob(sample.mean_logprob)]
        if len(logprobs) < len(samples):
            return Confidence(reason=f"{len(samples) - len(logprobs)} of {len(samples)} samples lack a log-probability")
        highest = max(logprobs)
        if highest == -math.inf:
            return Confidence(reason="every sample has probability 0")
        weights = [math.exp(logprob - highest) for logprob in logprobs]
    answer = normalize(row.answer)
    agreeing = (
        weight for weight, sample in zip(weights, samples, strict=True) if same(row, answer, normalize(sample.text))
    )
    # fsum rounds once, so that the order of the samples does not show.
    return probability(math.fsum(agreeing) / math.fsum(weights), "the agreement")
