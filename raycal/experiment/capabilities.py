"""What an experiment wants of its models' backends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raycal.config.engine import ModelConfig
from raycal.grading.grader import JudgeModel
from raycal.inference.backend import Capability
from raycal.inference.backends import check_capability
from raycal.methods.base import Method, in_dependency_order
from raycal.models.prompts import TwoChoices


def check_capabilities(model: ModelConfig, methods: Sequence[Method]) -> None:
    """Raise CapabilityError where a backend lacks what a method needs, and UnknownNameError where there is none."""
    check_capability(model, Capability.GENERATE, "an experiment")
    for method in in_dependency_order(methods):
        for reader, capability in _wanted(method):
            check_capability(reader or model, capability, method.label)


def check_judge(judge: JudgeModel, name: str) -> None:
    """Raise as `check_capabilities` does where a judge's own model cannot be asked; name: what the judge is called."""
    if judge.model is not None:
        check_capability(judge.model, Capability.GENERATE, name)


def _wanted(method: Method) -> Iterator[tuple[ModelConfig | None, Capability]]:
    """What a method needs, and of which model; None stands for the one that answers."""
    needs = method.needs()
    if any(isinstance(prompt, TwoChoices) for prompt in needs.prompts):
        yield None, Capability.NEXT_TOKEN
    if needs.logprobs:
        yield None, Capability.LOGPROBS
    if needs.states is not None:
        yield needs.states.model, Capability.STATES
    if needs.tuned is not None:
        yield needs.tuned.model, Capability.NEXT_TOKEN
