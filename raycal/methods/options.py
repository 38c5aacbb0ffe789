"""The confidence methods with their options."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, model_validator

from raycal.config.engine import ModelConfig
from raycal.config.section import Place, Section
from raycal.models.prompts import Phrasing, Wording


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


class Loss(StrEnum):
    """What fine-tuning makes small, of the two-choice probability of "correct"."""

    CROSS_ENTROPY = "cross_entropy"
    BRIER = "brier"


class Divergence(StrEnum):
    """How far the tuned model's distribution over the answer's tokens may be from the base model's."""

    JENSEN_SHANNON = "jensen_shannon"
    FORWARD_KL = "forward_kl"  # KL(base || tuned)
    REVERSE_KL = "reverse_kl"  # KL(tuned || base)


class Schedule(StrEnum):
    """The course of the learning rate after its warm-up."""

    COSINE = "cosine"
    LINEAR = "linear"
    CONSTANT = "constant"


class Head(StrEnum):
    """What stands on the hidden state."""

    LOGISTIC = "logistic"
    MLP = "mlp"  # d - width - width/2 - width/4 - 2


class Target(StrEnum):
    """What a classifier learns to tell."""

    GRADE = "grade"  # whether the answer is correct
    SEMANTIC_ENTROPY = "semantic_entropy"  # whether its samples agree more than most (Kossen et al. 2024)


class Recalibration(StrEnum):
    """A map from confidences to calibrated ones."""

    TEMPERATURE = "temperature"
    PLATT = "platt"
    ISOTONIC = "isotonic"


class MethodConfig(Section):
    """A confidence method with its options."""

    method: str
    name: str | None = Field(None, min_length=1, exclude=True)  # what to call it; changes no number, and so no key

    @property
    def label(self) -> str:
        """What tables and figures call it: its name, or the method with the options that differ from their defaults."""
        return self.name or self._described()

    def _described(self) -> str:
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


class Classifier(MethodConfig):
    """p = a small head on the hidden state of the answer's last token, fitted on the training questions."""

    method: Literal["classifier"] = "classifier"
    fitted: Place | None = None  # a folder: this classifier as an earlier run fitted it, instead of fitting one
    model: ModelConfig | None = None  # whose hidden states are read; None: those of the model that answered
    layer: int = -1  # 0: the embeddings; negative: counted from the last
    head: Head = Head.LOGISTIC
    width: int = Field(256, ge=4)  # of the MLP's first hidden layer
    weight_decay: float | None = Field(None, gt=0)  # strength of the L2 penalty; None: by cross-validation
    target: Target = Target.GRADE
    entropy: SemanticEntropy = SemanticEntropy()  # that of the target, where it is the semantic entropy
    few_shot: bool = False  # whether the answered question stands behind the examples that it was asked with
    training_questions: int | None = Field(None, ge=1)  # None: all of the training split


class FineTuned(MethodConfig):
    """p = softmax over the two choice tokens after the uncertainty query, put to the LoRA-tuned model.

    The defaults are those of Kapoor et al. (2024) where that names one.
    """

    method: Literal["fine_tuned"] = "fine_tuned"
    adapter: Place | None = None  # a folder: this adapter as it is, instead of training one
    model: ModelConfig | None = None  # which is tuned and asked; None: the model that answered
    wording: Wording = Wording.CHOICES
    few_shot: bool = False  # whether the query shows the examples that the question was asked with
    rank: int = Field(8, ge=1)
    alpha: float = Field(32, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1)
    target_modules: Literal["all-linear"] | tuple[str, ...] = ("q_proj", "v_proj")
    layers: tuple[int, ...] = ()  # empty: all of them
    loss: Loss = Loss.CROSS_ENTROPY
    divergence: Divergence = Divergence.JENSEN_SHANNON
    divergence_weight: float = Field(1.0, ge=0)
    learning_rate: float = Field(1e-4, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    schedule: Schedule = Schedule.COSINE
    warmup: float = Field(0.0, ge=0, lt=1)  # share of the steps
    max_grad_norm: float = Field(1.0, gt=0)
    batch_size: int = Field(32, ge=1)  # questions a step, over all workers
    epochs: int = Field(2, ge=1)
    evaluations: int = Field(4, ge=1)  # on the calibration split, and so checkpoints, an epoch
    patience: int = Field(4, ge=1)  # evaluations without a better calibration loss after which training stops
    training_questions: int | None = Field(None, ge=1)  # None: all of the training split
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_adapter(self) -> FineTuned:
        if self.model is not None and self.model.adapter is not None:
            raise ValueError("fine_tuned puts an adapter of its own on model: name another one as adapter")
        return self


# What needs no fitting: its confidence follows from what was elicited about the answer.
Unfitted = ZeroShot | Verbalized | Sampling | Likelihood | SemanticEntropy
Elementary = Annotated[Unfitted | Classifier | FineTuned, Field(discriminator="method")]


class Recalibrated(MethodConfig):
    """p = another method's confidence, mapped by what was fitted on the calibration split.

    That of a calibration answer comes from what was fitted without it, in five folds.
    """

    method: Literal["recalibrated"] = "recalibrated"
    of: Elementary
    by: Recalibration = Recalibration.TEMPERATURE

    def _described(self) -> str:
        return f"{self.of.label} + {self.by}"


class Combined(MethodConfig):
    """p = a logistic regression on several methods' confidences, fitted on the calibration split in the same way."""

    method: Literal["combined"] = "combined"
    of: tuple[Elementary, ...] = Field(min_length=2)

    def _described(self) -> str:
        return f"combined ({', '.join(method.label for method in self.of)})"


Method = Annotated[Unfitted | Classifier | FineTuned | Recalibrated | Combined, Field(discriminator="method")]
# Reads a method of any kind, from JSON or from plain data.
METHOD: TypeAdapter[Method] = TypeAdapter(Method)


def builds_on(method: Method) -> tuple[Method, ...]:
    """The methods whose scores a method needs."""
    match method:
        case Recalibrated():
            return (method.of,)
        case Combined():
            return method.of
        case Classifier(target=Target.SEMANTIC_ENTROPY, fitted=None):
            return (method.entropy,)
        case _:
            return ()


def in_dependency_order(methods: Sequence[Method]) -> list[Method]:
    """The methods and all that they build on, each once and after what it builds on."""
    found: dict[str, Method] = {}
    for method in methods:
        for one in (*in_dependency_order(builds_on(method)), method):
            found.setdefault(one.model_dump_json(), one)
    return list(found.values())
