"""Engines for simulated models: prompts in, generations and hidden states out, as from the real ones."""

from __future__ import annotations

import asyncio
import math
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backend import Capability, EngineDiedError, EngineStartError, Generation, GenerationError, Usage
from raycal.inference.backends import BACKENDS
from raycal.inference.busy_clock import BusyClock
from raycal.models.find import Model
from raycal.models.prompts import Conversation, Role
from raycal.store.keys import digest
from raycal.testing.simulated_model import NoSimulatedModelError, SimulatedModel

LAYERS, WIDTH = 4, 8  # of the hidden states, the embeddings left out
PROCESS = "raycal-simulated-engine"  # in the command line of an engine's own process
_UNTIL_OWNER_ENDS = "import sys; sys.stdin.read()"
_WORDS = ("almost certain", "very likely", "likely", "about even", "unlikely", "very unlikely", "almost impossible")

_JUDGED = re.compile(r"Question: (.*)\nAccepted answers: (.*)\nProposed answer: (.*)\n\n", re.DOTALL)
_COMPARED = re.compile(r"Question: (.*)\nFirst answer: (.*)\nSecond answer: (.*)\n\n", re.DOTALL)
_QUESTION = re.compile(r"Question: (?P<question>.*?)(?P<choices>(?:\n[A-Z]\. [^\n]*)*)", re.DOTALL)
_CHOICE = re.compile(r"\n[A-Z]\. ([^\n]*)")


@BACKENDS.register("simulated")
class SimulatedEngine:
    """In place of raycal.inference.vllm_backend.Engine where `model.backend` is simulated; a token is a word.

    Raises EngineStartError where the model is no simulated one.
    """

    needs_device: ClassVar[bool] = True
    states_backend: ClassVar[str | None] = "simulated_states"

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        """See Backend."""
        return frozenset({Capability.GENERATE, Capability.LOGPROBS, Capability.NEXT_TOKEN})

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        try:
            self._model = SimulatedModel.load(model)
        except NoSimulatedModelError as error:
            raise EngineStartError(str(error)) from error
        self._clock = BusyClock()
        self._process: subprocess.Popen[bytes] | None = None
        if self._model.service.own_process:
            command = [sys.executable, "-I", "-S", "-c", _UNTIL_OWNER_ENDS, PROCESS]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

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
        """See `TextBackend`; top_p changes nothing, as every word of a reply is a likely one."""
        async with self._request(conversation):
            draws = [(seed or 0) + place if temperature > 0 else "greedy" for place in range(n)]
            generations = [_generation(*self._reply(conversation, draw), max_tokens, stop) for draw in draws]
        return generations, Usage(_length(conversation), sum(len(generation.logprobs) for generation in generations))

    async def next_token_logprobs(self, conversation: Conversation, texts: Sequence[str]) -> tuple[list[float], Usage]:
        """See raycal.inference.vllm_backend.Engine: the last text stands for yes, and the first for no."""
        async with self._request(conversation):
            p = self._model.confidence(*_proposed(conversation))
        return [math.log(1 - p), math.log(p)], Usage(_length(conversation), 1)

    def busy_seconds(self) -> float:
        """Seconds so far for which at least one request was in flight."""
        return self._clock.total()

    def close(self) -> None:
        """End the engine's process, if it has one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @asynccontextmanager
    async def _request(self, conversation: Conversation) -> AsyncIterator[None]:
        service = self._model.service
        question = _asked(conversation).question
        self._clock.enter()
        try:
            await asyncio.sleep(service.latency_s)
            if question in service.fatal:
                self.close()
                raise EngineDiedError("the simulated engine ended, as it was told to")
            if self._process is not None and self._process.poll() is not None:
                raise EngineDiedError("the simulated engine's process is gone")
            if question in service.refused:
                raise GenerationError("the simulated engine refused the request, as it was told to")
            yield
        finally:
            self._clock.leave()

    def _reply(self, conversation: Conversation, draw: object) -> tuple[str, float]:
        """A text and its log-probability."""
        last = conversation[-1].content
        if judged := _JUDGED.match(last):
            return _yes_or_no(any(self._model.judges_same(judged[3], accepted) for accepted in judged[2].split(";")))
        if compared := _COMPARED.match(last):
            return _yes_or_no(self._model.judges_same(compared[2], compared[3]))
        if _is_question(last):
            asked = _asked(conversation)
            return self._model.answer(asked.question, asked.choices, draw)
        p = self._model.confidence(*_proposed(conversation))
        if "percentage" in last:
            return f"{p:.0%}", math.log(0.5)
        if "one of:" in last:
            return _WORDS[int((1 - p) * len(_WORDS))], math.log(0.5)
        return f"{p:.2f}", math.log(0.5)


@BACKENDS.register("simulated_states")
class SimulatedStates:
    """In place of HiddenStates; a token is a byte, and a state tells how sure the model is."""

    needs_device: ClassVar[bool] = True
    states_backend: ClassVar[str | None] = "simulated_states"

    @classmethod
    def capabilities(cls, config: ModelConfig) -> frozenset[Capability]:
        """See Backend."""
        return frozenset({Capability.STATES})

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None:
        try:
            self._model = SimulatedModel.load(model)
        except NoSimulatedModelError as error:
            raise EngineStartError(str(error)) from error
        self._clock = BusyClock()
        self.tokenizer = Bytes()
        self.style = PromptStyle.BASE

    async def last_token_states(self, tokens: list[int]) -> NDArray[np.float32]:
        """(layers + 1, width): noise, and in the first column how sure the model is, the more plainly the deeper."""
        self._clock.enter()
        await asyncio.sleep(self._model.service.latency_s)
        text = self.tokenizer.decode(tokens)
        question, _, answer = text.rpartition("Question: ")[2].rpartition("\nAnswer: ")
        asked = _read(f"Question: {question}")
        p = self._model.confidence(asked.question, asked.choices, answer)
        noise = np.random.default_rng(int(digest(text)[:16], 16)).normal(size=(LAYERS + 1, WIDTH))
        noise[:, 0] = noise[:, 0] * 0.1 + np.linspace(0, p - 0.5, LAYERS + 1)
        self._clock.leave()
        return noise.astype(np.float32)

    def busy_seconds(self) -> float:
        """Seconds so far for which at least one request was in flight."""
        return self._clock.total()

    def close(self) -> None:
        """There is nothing to free."""


class Bytes:
    """A tokenizer without a vocabulary: the bytes of a text."""

    chat_template = None

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """The bytes; there are no special tokens."""
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        """The text; of a character that is cut, a replacement."""
        return bytes(tokens).decode(errors="replace")


@dataclass(frozen=True)
class _Asked:
    question: str
    choices: tuple[str, ...]


def _is_question(text: str) -> bool:
    return text.startswith("Question: ")


def _read(text: str) -> _Asked:
    """A question as `answer_prompt` writes it."""
    match = _QUESTION.fullmatch(text)
    return _Asked(match["question"], tuple(_CHOICE.findall(match["choices"]))) if match else _Asked(text, ())


def _asked(conversation: Conversation) -> _Asked:
    """The question that a conversation is about: the last one, as examples stand before it."""
    last = conversation[-1].content
    if about := _JUDGED.match(last) or _COMPARED.match(last):
        return _Asked(about[1], ())
    questions = [turn.content for turn in conversation if turn.role is Role.USER and _is_question(turn.content)]
    return _read(questions[-1] if questions else last)


def _proposed(conversation: Conversation) -> tuple[str, tuple[str, ...], str]:
    """The question, its choices, and the answer that a query is about."""
    asked = _asked(conversation)
    answers = [turn.content for turn in conversation if turn.role is Role.ASSISTANT]
    return asked.question, asked.choices, answers[-1] if answers else ""


def _yes_or_no(verdict: bool) -> tuple[str, float]:
    return ("Yes" if verdict else "No"), math.log(0.9)


def _generation(text: str, logprob: float, max_tokens: int, stop: Sequence[str]) -> Generation:
    words = text.split(" ")
    shown = " ".join(words[:max_tokens])
    end = min((place for mark in stop if (place := shown.find(mark)) >= 0), default=len(shown))
    is_whole = end < len(shown) or len(words) <= max_tokens
    tokens = shown[:end].count(" ") + 1  # a word in which the text ends was generated too
    return Generation(shown[:end], (logprob / len(words),) * tokens, "stop" if is_whole else "length")


def _length(conversation: Conversation) -> int:
    return sum(len(turn.content.split()) for turn in conversation)
