"""p = 1 - H / log k, with H the entropy of the samples' meanings.

Semantic entropy is that of Kuhn et al. (2023) in the discrete form of Farquhar et al. (2024), where a meaning's
probability is its share of the samples. H is at most log k, for k different meanings.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import chain, combinations
from typing import Literal

from pydantic import Field

from raycal.methods.base import METHODS
from raycal.methods.equivalence import SampledMethod, sample_forms
from raycal.methods.evidence import Confidence, Evidence, Pair, probability


class Linkage(StrEnum):
    """When an answer joins a cluster of answers, for equivalences that are not transitive."""

    SINGLE = "single"  # equivalent to any member (connected components)
    COMPLETE = "complete"  # equivalent to every member


def entropy(weights: Iterable[float]) -> float:
    """Entropy in nats of clusters of these sizes, or of any weights that are not negative, such as probabilities.

    ValueError where a weight is negative or none is positive.
    """
    sizes = list(weights)
    if any(not 0 <= size < math.inf for size in sizes) or not any(sizes):
        raise ValueError(f"the entropy of {sizes} is not defined")
    total = math.fsum(sizes)
    return math.fsum(-size / total * math.log(size / total) for size in sizes if size)


def clusters(texts: Iterable[str], same: Callable[[str, str], bool], linkage: Linkage) -> list[list[str]]:
    """Different texts, grouped by meaning.

    Texts join in the order of `texts`: with single linkage all clusters that hold an equivalent text (the result is the
    connected components, whatever the order), with complete linkage the first whose every text is equivalent.
    """
    groups: list[list[str]] = []
    for text in texts:
        if linkage is Linkage.SINGLE:
            joined = [group for group in groups if any(same(text, member) for member in group)]
            groups = [group for group in groups if group not in joined] + [[*chain.from_iterable(joined), text]]
        else:
            home = next((group for group in groups if all(same(text, member) for member in group)), None)
            if home is None:
                groups.append([text])
            else:
                home.append(text)
    return groups


@METHODS.register("semantic_entropy")
class SemanticEntropy(SampledMethod):
    """p = 1 - entropy of the samples' meanings / log k."""

    least_samples = 2

    method: Literal["semantic_entropy"] = "semantic_entropy"
    k: int | None = Field(None, ge=2)
    linkage: Linkage = Linkage.SINGLE

    def compared_pairs(self, row: Evidence) -> set[Pair]:
        """Each two samples that are spelled differently."""
        return {frozenset(pair) for pair in combinations(sample_forms(self, row), 2)}

    def score(self, row: Evidence) -> Confidence:
        """One minus the normalized entropy of the samples' clusters."""
        reason = self.hindrance(row)
        if reason is not None:
            return Confidence(reason=reason)
        sizes = Counter(row.form(sample.text) for sample in row.first(self.k))
        k = sizes.total()
        if k < 2:
            return Confidence(reason="the entropy of one sample says nothing")
        # The most frequent text first and ties by spelling: the order of the samples must not show.
        texts = sorted(sizes, key=lambda text: (-sizes[text], text))
        groups = clusters(texts, lambda left, right: bool(self.equivalent(row, left, right)), self.linkage)
        spread = entropy(sum(sizes[text] for text in group) for group in groups)
        return probability(1 - spread / math.log(k), "1 - entropy / log k")
