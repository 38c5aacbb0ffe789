"""Backends that break what raycal relies on: the check says which, each by its own sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backend import Generation, Usage
from raycal.models.find import find_model
from raycal.models.prompts import Conversation, answer_prompt
from raycal.testing import Fact, SimulatedEngine, check_backend, simulated_model

ASKED = answer_prompt("Who wrote Emma?", (), ())
Settings = dict[str, Any]
Reply = tuple[list[Generation], Usage]


class Broken(SimulatedEngine):
    """A simulated engine that reads other settings than it is given, or spoils what it returns."""

    before: Callable[[Settings], Settings] = staticmethod(lambda settings: settings)
    after: Callable[[Reply], Reply] = staticmethod(lambda reply: reply)

    async def generate(self, conversation: Conversation, **settings: Any) -> Reply:
        return self.after(await super().generate(conversation, **self.before(settings)))


class OneChoice(Broken):
    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        logprobs, usage = await super().next_token_logprobs(conversation, texts)
        return logprobs[:1], usage


class Likelihoods(Broken):
    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        return [0.2, 0.8], Usage(1, 1)


class Idle(Broken):
    def busy_seconds(self) -> float:
        return 0.0


def each(**changes: Any) -> Callable[[Reply], Reply]:
    return lambda reply: ([replace(one, **changes) for one in reply[0]], reply[1])


BROKEN_REPLIES = [
    ("no prompt tokens", {"after": lambda reply: (reply[0], Usage(0, 2))}, "a prompt has tokens"),
    ("no generated tokens", {"after": lambda reply: (reply[0], Usage(9, 0))}, "1 to 8 tokens, not 0"),
    ("too many tokens", {"after": lambda reply: (reply[0], Usage(9, 99))}, "not 99"),
    ("its own word for an end", {"after": each(finish_reason="eos")}, "stop or length, not 'eos'"),
    ("probabilities", {"after": each(logprobs=(0.9, 0.8))}, "none over 0"),
    ("no log-probabilities", {"after": each(logprobs=())}, "where the backend has any"),
    ("one log-probability missing", {"after": each(logprobs=(-0.1,))}, "one a generated token"),
    ("one sample", {"before": lambda settings: settings | {"n": 1}}, "n = 2 samples, not 1"),
    ("no seeds", {"before": lambda settings: settings | {"seed": 0}}, "the i-th sample has seed"),
    ("no stop strings", {"before": lambda settings: settings | {"stop": ()}}, "the text ends before 'J'"),
]


def of_class(broken: type[Broken], tmp_path: Path) -> Broken:
    folder = simulated_model(tmp_path / "model", {"Who wrote Emma?": Fact("Jane Austen", 0.6)})
    model = find_model(ModelConfig(path=str(folder), backend="simulated"))
    return broken(model, EngineConfig(), Device.CPU, PromptStyle.AUTO)


@pytest.mark.parametrize(
    ("spoilt", "sentence"), [row[1:] for row in BROKEN_REPLIES], ids=[row[0] for row in BROKEN_REPLIES]
)
def test_a_broken_reply_is_named(tmp_path: Path, spoilt: dict[str, Any], sentence: str) -> None:
    broken = type("Spoilt", (Broken,), {name: staticmethod(change) for name, change in spoilt.items()})
    with pytest.raises(AssertionError, match=sentence):
        asyncio.run(check_backend(of_class(broken, tmp_path), ASKED))


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (OneChoice, "one a text, not 1 for 2"),
        (Likelihoods, "log-probabilities, not"),
        (Idle, "it has done something"),
    ],
)
def test_a_broken_class_is_named(tmp_path: Path, broken: type[Broken], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        asyncio.run(check_backend(of_class(broken, tmp_path), ASKED))


def test_a_refusal_that_does_not_come_is_named(tmp_path: Path) -> None:
    asyncio.run(check_backend(of_class(Broken, tmp_path), ASKED))
    with pytest.raises(AssertionError, match="is a GenerationError"):
        asyncio.run(check_backend(of_class(Broken, tmp_path), ASKED, refused=ASKED))
