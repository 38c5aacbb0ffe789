"""Equivalence of two answers to one question, and the base of methods that compare samples by it.

All rules compare what the grader would grade, in one spelling (`raycal.text.answer_form`): the thought, the words
around an answer and the form of a letter do not count. None depends on which of several spellings was sampled first,
and all are symmetric. Equal forms are always equivalent.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar, Self

from pydantic import Field

from raycal.methods.base import Needs, ScoredMethod
from raycal.methods.evidence import Equivalence, Evidence
from raycal.text.answer_form import same_amount

_ROUNDING = 1e-6  # of a float32 cosine, which must not decide


def token_f1(left: str, right: str) -> float:
    """F1 of the words that two forms of answers share, counted with repetition, in [0, 1] (Rajpurkar et al. 2016).

    >>> token_f1("jane austen", "austen")
    0.6666666666666666
    """
    words, others = left.split(), right.split()
    if not words or not others:
        return float(words == others)
    return 2 * (Counter(words) & Counter(others)).total() / (len(words) + len(others))


class SampledMethod(ScoredMethod):
    """A method that compares samples; it reads those of index below k alone."""

    least_samples: ClassVar[int] = 1
    version: ClassVar[int] = 2  # 1 compared whole texts

    k: int | None = Field(None, ge=1)  # None: all that the experiment samples
    equivalence: Equivalence = Equivalence.EXACT
    threshold: float = Field(0.5, gt=0, le=1)  # token_overlap and embedding only

    def needs(self) -> Needs:
        """Samples, and what compares them."""
        return Needs(samples=self.k or self.least_samples, equivalence=self.equivalence)

    def resolved(self, samples: int) -> Self:
        """See Method."""
        return self if self.k is not None else self.model_copy(update={"k": samples})

    def equivalent(self, row: Evidence, left: str, right: str) -> bool | None:
        """Whether two forms of answers mean the same; None where a judge has not decided."""
        if left == right:
            return True
        match self.equivalence:
            case Equivalence.EXACT:
                return same_amount(left, right)
            case Equivalence.TOKEN_OVERLAP:
                return token_f1(left, right) >= self.threshold
            case Equivalence.JUDGE:
                return row.verdicts.get(frozenset((left, right)))
            case Equivalence.EMBEDDING:
                return bool(row.vectors[left] @ row.vectors[right] >= self.threshold - _ROUNDING)

    def hindrance(self, row: Evidence) -> str | None:
        """Why a row has no confidence, or None where nothing hinders.

        Samples, embeddings or verdicts are missing, or verdicts are undecided: an undecided pair is neither equivalent
        nor different, and to count it as either would be a silent default.
        """
        drawn = len(row.first(self.k))
        if drawn == 0:
            return "no samples"
        if self.k is not None and drawn < self.k:
            return f"only {drawn} of {self.k} samples"
        match self.equivalence:
            case Equivalence.EMBEDDING:
                texts = {text for pair in self.compared_pairs(row) for text in pair}
                lacking = len(texts - row.vectors.keys())
                return f"{lacking} of {len(texts)} answers have no embedding" if lacking else None
            case Equivalence.JUDGE:
                return self._lack_of_verdicts(row)
            case _:
                return None

    def _lack_of_verdicts(self, row: Evidence) -> str | None:
        pairs = self.compared_pairs(row)
        unjudged = len(pairs - row.verdicts.keys())
        if unjudged:
            return f"{unjudged} of {len(pairs)} pairs of answers have not been judged"
        undecided = sum(row.verdicts[pair] is None for pair in pairs)
        return f"the judge left {undecided} of {len(pairs)} pairs of answers undecided" if undecided else None


def sample_forms(method: SampledMethod, row: Evidence) -> set[str]:
    """The different forms of the samples that a method reads."""
    return {row.form(sample.text) for sample in row.first(method.k)}
