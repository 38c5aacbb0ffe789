"""The types that methods read and write: the evidence about an answered question, and a confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from raycal.models.prompts import Phrasing

_ROUNDING = 1e-6  # by which arithmetic in float32 may leave [0, 1]
_DECIMALS = 12  # noise in the last bits must not move a confidence over the edge of a bin


@dataclass(frozen=True)
class SampledAnswer:
    """One sampled answer; `mean_logprob` is the length-normalised natural log-probability of its tokens."""

    index: int
    text: str
    mean_logprob: float | None
    finish_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the store holds about one answered question.

    `mean_logprob` is the answer's length-normalised natural log-probability, `p_true` the two-choice query's
    probability of "correct", `stated` the replies to the queries for a confidence, and `verdicts` whether a judge takes
    two normalised texts (see `normalise`) for equivalent, None where it left that open. Samples are sorted by
    their index; ValueError where they are not, or where an index occurs twice.
    """

    question_id: str
    question: str
    answer: str
    mean_logprob: float | None = None
    samples: tuple[SampledAnswer, ...] = ()
    p_true: float | None = None
    stated: Mapping[Phrasing, str] = field(default_factory=dict)
    verdicts: Mapping[frozenset[str], bool | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        indices = [sample.index for sample in self.samples]
        if indices != sorted(set(indices)):
            raise ValueError(f"the samples of question {self.question_id} are not sorted by their index: {indices}")

    def first(self, k: int | None) -> tuple[SampledAnswer, ...]:
        """The samples that a run with k samples would have drawn: those of index below k; all where k is None."""
        return tuple(sample for sample in self.samples if k is None or sample.index < k)


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
