"""The confidence methods with their options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from raycal.config.section import Section


class Phrasing(StrEnum):
    """How the model is asked to state its confidence."""

    PROBABILITY = "probability"  # a number from 0.0 to 1.0
    PERCENT = "percent"  # a number from 0 to 100 with a % sign
    WORDS = "words"  # very unlikely ... very likely


class Equivalence(StrEnum):
    """When two answers to one question mean the same."""

    EXACT = "exact"  # equal after normalisation
    TOKEN_OVERLAP = "token_overlap"  # noqa: S105 - token F1 at or above the threshold
    EMBEDDING = "embedding"  # cosine of sentence embeddings at or above the threshold
    JUDGE = "judge"  # the language model under test says so


class Weighting(StrEnum):
    """What a sample counts for."""

    COUNT = "count"
    LIKELIHOOD = "likelihood"  # its length-normalised probability


class Linkage(StrEnum):
    """When an answer joins a cluster of answers, for equivalences that are not transitive."""

    SINGLE = "single"  # equivalent to any member (connected components)
    COMPLETE = "complete"  # equivalent to every member


class MethodConfig(Section):
    """A confidence method with its options."""

    method: str

    @property
    def label(self) -> str:
        """The method's name with the options that differ from their defaults."""
        options = self.model_dump(exclude={"method"}, exclude_defaults=True)
        parts = (str(value) if isinstance(value, StrEnum) else f"{name} {value}" for name, value in options.items())
        said = ", ".join(parts)
        return f"{self.method} ({said})" if said else self.method


class ZeroShot(MethodConfig):
    """p = softmax over the two choice tokens after the uncertainty query."""

    method: Literal["zero_shot"] = "zero_shot"


class Verbalized(MethodConfig):
    """p = the number that the model states."""

    method: Literal["verbalized"] = "verbalized"
    phrasing: Phrasing = Phrasing.PROBABILITY


class Sampling(MethodConfig):
    """p = share of the samples that are equivalent to the answer."""

    method: Literal["sampling"] = "sampling"
    k: int | None = Field(None, ge=1)  # None: all that the experiment samples
    weighting: Weighting = Weighting.COUNT
    equivalence: Equivalence = Equivalence.EXACT
    threshold: float = Field(0.5, gt=0, le=1)  # token_overlap and embedding only


class Likelihood(MethodConfig):
    """p = the answer's length-normalised probability."""

    method: Literal["likelihood"] = "likelihood"


class SemanticEntropy(MethodConfig):
    """p = 1 - entropy of the samples' meanings / log k."""

    method: Literal["semantic_entropy"] = "semantic_entropy"
    k: int | None = Field(None, ge=2)
    equivalence: Equivalence = Equivalence.EXACT
    threshold: float = Field(0.5, gt=0, le=1)
    linkage: Linkage = Linkage.SINGLE


Method = Annotated[ZeroShot | Verbalized | Sampling | Likelihood | SemanticEntropy, Field(discriminator="method")]
