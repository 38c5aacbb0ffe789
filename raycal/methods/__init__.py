"""Confidence methods. One module a method, each with `score(config, rows) -> list[Confidence]`."""

from __future__ import annotations

from collections.abc import Sequence

from raycal.methods import likelihood, sampling, semantic_entropy, verbalized, zero_shot
from raycal.methods.base import Confidence, Evidence, SampledAnswer
from raycal.methods.equivalence import Embed, needed_pairs
from raycal.methods.options import Likelihood, Sampling, SemanticEntropy, Unfitted, Verbalized, ZeroShot

__all__ = ["Confidence", "Embed", "Evidence", "SampledAnswer", "needed_pairs", "score"]


def score(config: Unfitted, rows: Sequence[Evidence], *, embed: Embed | None = None) -> list[Confidence]:
    """A confidence for each row by a method; a row that allows none gets the reason instead.

    `embed` is used by equivalence of embeddings alone, and ValueError is raised where that lacks it.
    """
    match config:
        case ZeroShot():
            return zero_shot.score(config, rows)
        case Verbalized():
            return verbalized.score(config, rows)
        case Sampling():
            return sampling.score(config, rows, embed=embed)
        case Likelihood():
            return likelihood.score(config, rows)
        case SemanticEntropy():
            return semantic_entropy.score(config, rows, embed=embed)
