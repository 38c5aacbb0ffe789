"""A model that looks its answers up and draws them by hash: it says the same in every process, and at once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from raycal.errors import RaycalError
from raycal.models.find import Model
from raycal.questions.question import Question
from raycal.store.atomic import atomic_file
from raycal.store.keys import digest

_CONFIG = "config.json"  # by which a folder is a model's
_FACTS = "simulated_facts.json"
_VERDICT = "simulated_verdict.json"
_SERVICE = "simulated_service.yaml"  # not JSON, which would be part of the model's fingerprint, and so of every key
_NAMES = ("Arden", "Borodin", "Castell", "Dunmore", "Elsinore", "Farrow", "Galen", "Hartley", "Ibsen", "Jarrow")
_WRONG_ANSWERS = 3  # that the model may give to an open question


class NoSimulatedModelError(RaycalError, ValueError):
    """The folder holds no simulated model; the message says how to write one."""


@dataclass(frozen=True)
class Fact:
    """What a simulated model knows of a question: the right answer, and how likely a draw gives it."""

    answer: str
    likelihood: float


@dataclass(frozen=True)
class Service:
    """How simulated engines serve a model. It changes nothing of what the model says, and so stands in no key."""

    latency_s: float = 0.0  # of each request
    own_process: bool = False  # whether each engine has a process of its own, as vLLM has, that a test may kill
    fatal: tuple[str, ...] = ()  # questions over which the engine ends
    refused: tuple[str, ...] = ()  # questions over which the request fails


def facts_of(questions: Iterable[Question]) -> dict[str, Fact]:
    """Facts about questions, by their text, with likelihoods that are spread between 0.1 and 0.9."""
    spread = ((question, uniform(question.question)) for question in questions)
    return {question.question: Fact(question.answers[0], 0.1 + 0.8 * place) for question, place in spread}


def simulated_model(
    folder: Path, facts: Mapping[str, Fact], service: Service | None = None, verdict: bool | None = None
) -> Path:
    """Write a simulated model, to be used with `model.backend: simulated`; returns its folder.

    facts: by question. A question that is none of them has a made-up answer, right in half of the draws. verdict: what
    the model says of everything that it is to judge; None: yes of what is the same. The folder may hold a real model,
    which trainings then load.

    >>> simulated_model(tmp_path / "model", {"Who wrote Emma?": Fact("Jane Austen", 0.8)}).name
    'model'
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / _CONFIG).exists():
        (folder / _CONFIG).write_text('{"model_type": "simulated"}')
    (folder / _FACTS).write_text(json.dumps({question: asdict(fact) for question, fact in facts.items()}))
    if verdict is not None:
        (folder / _VERDICT).write_text(json.dumps(verdict))
    set_service(folder, service or Service())
    return folder


def set_service(folder: Path, service: Service) -> None:
    """Have the engines that start from now on serve a simulated model in another way."""
    with atomic_file(folder / _SERVICE) as aside:
        aside.write_text(json.dumps(asdict(service)))  # JSON is YAML too


def uniform(*parts: object) -> float:
    """A number from 0 up to 1 that looks random and depends on the parts alone."""
    return int(digest(*parts)[:13], 16) / 16**13


@dataclass(frozen=True)
class SimulatedModel:
    """What a simulated model says of questions and answers."""

    facts: Mapping[str, Fact]
    service: Service = field(default_factory=Service)
    adapter: str = ""
    verdict: bool | None = None

    @classmethod
    def load(cls, model: Model) -> SimulatedModel:
        """Read what `simulated_model` wrote. Raises NoSimulatedModelError."""
        folder = Path(model.location)
        if not (folder / _FACTS).is_file():
            raise NoSimulatedModelError(
                f"{model.location} holds no simulated model: write one by raycal.testing.simulated_model, or set "
                "model.backend to vllm"
            )
        facts: dict[str, Any] = json.loads((folder / _FACTS).read_text())
        service: dict[str, Any] = json.loads((folder / _SERVICE).read_text())
        verdict = json.loads((folder / _VERDICT).read_text()) if (folder / _VERDICT).is_file() else None
        known = {question: Fact(**fact) for question, fact in facts.items()}
        return cls(known, Service(**service), str(model.adapter or ""), verdict)

    def answer(self, question: str, choices: Sequence[str], draw: object) -> tuple[str, float]:
        """An answer and its natural log-probability; the same draw gives the same answer."""
        fact = self._fact(question)
        right = self._right(question, choices)
        if uniform(question, self.adapter, "right", draw) < fact.likelihood:
            return right, math.log(fact.likelihood)
        wrong = [text for text in _letters(choices) or self._names(question) if text != right]
        chosen = wrong[int(uniform(question, self.adapter, "which", draw) * len(wrong))]
        return chosen, math.log((1 - fact.likelihood) / len(wrong))

    def judges_same(self, left: str, right: str) -> bool:
        """The verdict whether two texts mean the same."""
        return same(left, right) if self.verdict is None else self.verdict

    def is_right(self, question: str, choices: Sequence[str], answer: str) -> bool:
        """Whether an answer is the right one."""
        return same(answer, self._right(question, choices))

    def confidence(self, question: str, choices: Sequence[str], answer: str) -> float:
        """How sure the model is of an answer, between 0 and 1: surer of right ones, and the more so with an adapter."""
        spread = 0.3 if self.adapter else 0.5
        middle = 0.65 if self.is_right(question, choices, answer) else 0.35
        return middle + spread * (uniform(question, answer, self.adapter, "confidence") - 0.5)

    def _fact(self, question: str) -> Fact:
        return self.facts.get(question) or Fact(self._names(question)[0], 0.5)

    def _right(self, question: str, choices: Sequence[str]) -> str:
        answer = self._fact(question).answer
        if not choices:
            return answer
        letters = _letters(choices)
        return letters[choices.index(answer)] if answer in choices else letters[0]

    def _names(self, question: str) -> list[str]:
        first = int(uniform(question, "names") * len(_NAMES))
        return [_NAMES[(first + place) % len(_NAMES)] for place in range(_WRONG_ANSWERS + 1)]


def same(left: str, right: str) -> bool:
    """Whether two texts differ in case and space alone."""
    return left.strip().casefold() == right.strip().casefold()


def _letters(choices: Sequence[str]) -> list[str]:
    return [chr(ord("A") + place) for place in range(len(choices))]
