"""p = softmax over the two choice tokens after the correctness query, put to the LoRA-tuned model.

Kapoor et al. (2024), section 5. The training itself is in raycal.finetuning.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from raycal.config.engine import ModelConfig
from raycal.config.section import Place
from raycal.methods.base import METHODS, Needs, ScoredMethod
from raycal.methods.evidence import Confidence, Evidence
from raycal.models.prompts import Wording


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


@METHODS.register("fine_tuned")
class FineTuned(ScoredMethod):
    """p = softmax over the two choice tokens after the uncertainty query, put to the LoRA-tuned model.

    The defaults are those of Kapoor et al. (2024) where that names one.
    """

    size_option = "training_questions"

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
    seed: int = Field(0, ge=0, lt=2**64)  # as torch takes it

    @model_validator(mode="after")
    def _one_adapter(self) -> FineTuned:
        if self.model is not None and self.model.adapter is not None:
            raise ValueError("fine_tuned puts an adapter of its own on model: name another one as adapter")
        return self

    def needs(self) -> Needs:
        """The reply of the tuned model."""
        return Needs(tuned=self)

    @property
    def saw_calibration(self) -> bool:
        """See Method; the calibration loss chooses among the checkpoints."""
        return self.adapter is None

    def score(self, row: Evidence) -> Confidence:
        """The tuned model's probability of "yes"."""
        reply = row.tuned
        if reply is None or reply.p is None:
            return Confidence(reason=(reply and reply.error) or "the tuned model has not been asked")
        if not 0 <= reply.p <= 1:  # NaN as well
            return Confidence(reason=f"the tuned model's p(correct) is {reply.p}, not between 0 and 1")
        return Confidence(reply.p)
