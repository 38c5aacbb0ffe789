"""The packaged model in transformers as a backend: what it returns, against plain forward passes and vLLM's engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import torch
from transformers import AutoModelForCausalLM

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backend import Generation, GenerationError
from raycal.inference.decoding import Decoder, Request
from raycal.inference.transformers_backend import TransformersBackend
from raycal.inference.vllm_backend import Engine
from raycal.models.find import Model, find_model
from raycal.models.prompts import CORRECTNESS, answer_prompt, render
from raycal.testing import check_backend

pytestmark = pytest.mark.engine

T = TypeVar("T")
Await = Callable[[Coroutine[Any, Any, T]], T]

CONFIG = EngineConfig(max_model_len=256, max_num_seqs=8, kv_cache_gib=1, dtype="float32")
CHOICES = (CORRECTNESS.no, CORRECTNESS.yes)
PLACES = ("France", "Japan", "the United States of America")
QUESTIONS = [answer_prompt(f"What is the capital of {place}?", (), ()) for place in PLACES]
CAPITAL = QUESTIONS[0]
TOO_LONG = answer_prompt("why? " * 300, (), ())


@pytest.fixture(scope="module")
def model() -> Model:
    return find_model(ModelConfig())


@pytest.fixture(scope="module")
def wait() -> Iterator[Await[Any]]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="module")
def backend(model: Model) -> Iterator[TransformersBackend]:
    backend = TransformersBackend(model, CONFIG, Device.CPU, PromptStyle.AUTO)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def reference(model: Model) -> Any:
    return AutoModelForCausalLM.from_pretrained(model.location, dtype=torch.float32).eval()


def texts(generations: list[Generation]) -> list[str]:
    return [generation.text for generation in generations]


def test_it_holds_what_raycal_relies_on(backend: TransformersBackend, wait: Await[Any]) -> None:
    wait(check_backend(backend, refused=TOO_LONG))


def test_log_probabilities_of_a_batch_are_those_of_plain_passes(backend: TransformersBackend, reference: Any) -> None:
    requests = [
        Request(render(question, backend.tokenizer, PromptStyle.AUTO), max_tokens, 1.5, seed=max_tokens, choices=(5, 6))
        for max_tokens, question in enumerate([*QUESTIONS, *QUESTIONS], start=1)  # rows leave the batch at each step
    ]
    Decoder(reference, backend.tokenizer).decode(requests)
    for request in requests:
        with torch.inference_mode():
            logits = reference(torch.tensor([[*request.prompt, *request.tokens]])).logits[0]
        expected = torch.log_softmax(logits[len(request.prompt) - 1 : -1], dim=-1)
        rows = torch.arange(len(request.tokens))
        assert request.logprobs == pytest.approx(expected[rows, request.tokens].tolist(), abs=2e-3)
        assert request.choice_logprobs == pytest.approx(expected[0, [5, 6]].tolist(), abs=2e-3)
    assert max(len(request.tokens) for request in requests) > 3


def test_a_seed_gives_the_same_samples_in_any_company_and_in_any_portions(
    backend: TransformersBackend, wait: Await[Any]
) -> None:
    async def alone_and_in_company() -> tuple[list[str], list[str]]:
        def draw(n: int, seed: int) -> Coroutine[Any, Any, Any]:
            return backend.generate(CAPITAL, n=n, max_tokens=8, temperature=1.0, top_p=0.9, seed=seed)

        alone, _ = await draw(4, 100)
        _, (first, _), (second, _), *_ = await asyncio.gather(
            draw(3, 7), draw(2, 100), draw(2, 102), backend.generate(QUESTIONS[2], max_tokens=3)
        )
        return texts(alone), texts(first) + texts(second)

    alone, in_company = wait(alone_and_in_company())
    assert in_company == alone
    assert len(set(alone)) > 1


def test_a_small_top_p_leaves_the_likeliest_token_alone(backend: TransformersBackend, wait: Await[Any]) -> None:
    greedy, _ = wait(backend.generate(CAPITAL, max_tokens=6))
    samples, _ = wait(backend.generate(CAPITAL, max_tokens=6, n=3, temperature=1.0, top_p=1e-6, seed=1))
    assert texts(samples) == texts(greedy) * 3


def test_choices_that_end_in_the_same_token_are_refused(backend: TransformersBackend, wait: Await[Any]) -> None:
    with pytest.raises(GenerationError, match="same token"):
        wait(backend.next_token_logprobs(CAPITAL, ("yes", "yes")))


def test_greedy_decoding_is_that_of_vllm(backend: TransformersBackend, model: Model, wait: Await[Any]) -> None:
    async def ask(asked: TransformersBackend | Engine) -> list[tuple[Generation, list[float], int]]:
        answers = []
        for question in QUESTIONS:
            (answer,), usage = await asked.generate(question, max_tokens=20, stop=("\n",))
            logprobs, _ = await asked.next_token_logprobs(question, CHOICES)
            answers.append((answer, logprobs, usage.generated_tokens))
        return answers

    async def ask_vllm() -> list[tuple[Generation, list[float], int]]:
        engine = Engine(model, CONFIG, Device.CPU, PromptStyle.AUTO)
        try:
            return await ask(engine)
        finally:
            engine.close()

    for ours, theirs in zip(wait(ask(backend)), wait(ask_vllm()), strict=True):
        assert (ours[0].text, ours[0].finish_reason, ours[2]) == (theirs[0].text, theirs[0].finish_reason, theirs[2])
        assert ours[0].logprobs == pytest.approx(theirs[0].logprobs, abs=2e-3)
        assert ours[1] == pytest.approx(theirs[1], abs=2e-3)
