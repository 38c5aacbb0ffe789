"""A backend that adds: it answers the questions of the source `sums`, the larger ones not always rightly."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from typing import ClassVar

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backend import Capability, Generation, GenerationError, Usage
from raycal.inference.backends import BACKENDS
from raycal.inference.busy_clock import BusyClock
from raycal.models.find import Model
from raycal.models.prompts import Conversation, Role

_SUM = re.compile(r"What is (\d+) \+ (\d+)\?")
_SURE_UP_TO = 40


@BACKENDS.register("adder")
class Adder:
    """Continues conversations about sums, and wants neither a GPU nor weights; a token is a word."""

    needs_device: ClassVar[bool] = False
    states_backend: ClassVar[str | None] = None

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        return frozenset({Capability.GENERATE, Capability.LOGPROBS})

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        self._clock = BusyClock()

    async def generate(
        self,
        conversation: Conversation,
        *,
        max_tokens: int,
        n: int = 1,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> tuple[list[Generation], Usage]:
        self._clock.enter()
        seeds = [(seed or 0) + place if temperature > 0 else 0 for place in range(n)]
        generations = [_continue(conversation, draw, stop) for draw in seeds]
        self._clock.leave()
        return generations, Usage(sum(len(turn.content.split()) for turn in conversation), n)

    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        raise GenerationError("an adder has no log-probabilities of the next token")

    def busy_seconds(self) -> float:
        return self._clock.total()

    def close(self) -> None:
        """There is nothing to free."""


def _continue(conversation: Conversation, draw: int, stop: Sequence[str]) -> Generation:
    """One word, and how sure it is: of an answer, the sum or one more; of a follow-up, the confidence in it."""
    asked = [turn.content for turn in conversation if turn.role is Role.USER]
    sums = [(int(match[1]), int(match[2])) for text in asked if (match := _SUM.search(text))]
    total = sum(sums[-1]) if sums else _SURE_UP_TO
    doubt = min(0.95, (total / _SURE_UP_TO) ** 3)
    if _SUM.search(asked[-1]):
        is_wrong = random.Random(f"{asked[-1]} {draw}").random() < doubt
        text = str(total + is_wrong)
    else:
        text = f"{1 - doubt:.2f}"
    end = min((text.find(mark) for mark in stop if mark in text), default=len(text))
    return Generation(text[:end], (math.log(1 - doubt),), "stop")
