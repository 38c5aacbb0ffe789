"""The evidence about an answered question, and a confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from raycal.text.answer_form import answer_form

_ROUNDING = 1e-6  # by which arithmetic in float32 may leave [0, 1]
_DECIMALS = 12  # noise in the last bits must not move a confidence over the edge of a bin

Pair = frozenset[str]  # two different forms of answers, see raycal.text.answer_form


class Equivalence(StrEnum):
    """When two answers to one question mean the same."""

    EXACT = "exact"  # equal after normalization
    TOKEN_OVERLAP = "token_overlap"  # noqa: S105 - token F1 at or above the threshold
    EMBEDDING = "embedding"  # cosine of sentence embeddings at or above the threshold
    JUDGE = "judge"  # a language model says so


@dataclass(frozen=True)
class SampledAnswer:
    """One sampled answer; `mean_logprob` is the length-normalized natural log-probability of its tokens."""

    index: int
    text: str
    mean_logprob: float | None
    finish_reason: str | None = None


@dataclass(frozen=True)
class Reply:
    """The reply to a follow-up prompt: a text, or the probability of "yes" in [0, 1]; else why there is none."""

    text: str | None = None
    p: float | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known about one answered question, as far as a method needs it.

    choices: none of an open question.
    mean_logprob: the answer's length-normalized natural log-probability. replies: by the name of the follow-up prompt.
    verdicts: whether a judge takes two forms (see `answer_form`) for equivalent, None where it left that open.
    vectors: embeddings of normal forms, (d,) of unit length. state: (width,). bases: confidences in the order of
    `Needs.bases`, None where missing. Samples are sorted by their index; ValueError where they are not, or where an
    index occurs twice.
    """

    question_id: str
    question: str
    answer: str
    choices: tuple[str, ...] = ()
    mean_logprob: float | None = None
    samples: tuple[SampledAnswer, ...] = ()
    replies: Mapping[str, Reply] = field(default_factory=dict)
    verdicts: Mapping[Pair, bool | None] = field(default_factory=dict)
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    state: NDArray[np.float32] | None = None
    bases: tuple[float | None, ...] = ()
    tuned: Reply | None = None

    def __post_init__(self) -> None:
        indices = [sample.index for sample in self.samples]
        if indices != sorted(set(indices)):
            raise ValueError(f"the samples of question {self.question_id} are not sorted by their index: {indices}")

    def first(self, k: int | None) -> tuple[SampledAnswer, ...]:
        """The samples that a run with k samples would have drawn: those of index below k; all where k is None."""
        return tuple(sample for sample in self.samples if k is None or sample.index < k)

    def form(self, reply: str) -> str:
        """What a reply to the question answers, as answers are compared."""
        return answer_form(reply, self.choices)


@dataclass(frozen=True)
class Confidence:
    """A probability that the answer is correct, in [0, 1], or the reason why there is none.

    Raises ValueError unless exactly one of the two is set and the value is in range.
    """

    value: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError("a confidence has either a value or the reason why it has none")
        if self.value is not None and not 0 <= self.value <= 1:
            raise ValueError(f"a confidence lies between 0 and 1, not at {self.value}")
        if self.reason is not None and not self.reason.strip():
            raise ValueError("the reason why there is no confidence is empty")


def probability(value: float, name: str) -> Confidence:
    """A computed probability as a confidence: rounding errors are removed, anything else out of range is missing."""
    if not -_ROUNDING <= value <= 1 + _ROUNDING:  # NaN as well
        return Confidence(reason=f"{name} is {value}, not between 0 and 1")
    return Confidence(min(max(round(float(value), _DECIMALS), 0.0), 1.0))


def is_logprob(value: float | None) -> TypeGuard[float]:
    """Whether a value is a log-probability: a number, not NaN, of at most 0 but for rounding."""
    return value is not None and value <= _ROUNDING
