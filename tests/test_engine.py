"""The real engine in this process, loaded once: what it returns, and what becomes of requests that it cannot serve.

vLLM's own server, loaded once too, says the same through the endpoint backend.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import torch
from support import PROMPTS
from transformers import AutoModelForCausalLM
from vllm_server import vllm_server

from raycal.config.engine import Device, Endpoint, EngineConfig, ModelConfig, PromptStyle
from raycal.experiment.config import ElicitConfig, Samples
from raycal.experiment.pending import WorkItem
from raycal.experiment.recipe import Recipe
from raycal.grading import parse_verdict
from raycal.grading.judge import EquivalenceJudge, Judge
from raycal.inference.backend import GenerationError
from raycal.inference.openai_backend import OpenAIBackend
from raycal.inference.vllm_backend import Engine
from raycal.models.find import Model, find_model
from raycal.models.prompts import (
    CONFIDENCE_PROMPTS,
    CORRECTNESS,
    Conversation,
    FewShotExample,
    Phrasing,
    answer_prompt,
    equivalence_prompt,
    judge_prompt,
    render,
)
from raycal.stages.elicit import Elicitor
from raycal.stages.grade import answer_judge
from raycal.stages.judges import pair_judge
from raycal.store.schemas import SCHEMAS, Table
from raycal.testing import check_backend

pytestmark = pytest.mark.engine

T = TypeVar("T")
Await = Callable[[Coroutine[Any, Any, T]], T]

CONFIG = EngineConfig(max_model_len=256, max_num_seqs=32, kv_cache_gib=1, dtype="float32")
CHOICES = (CORRECTNESS.no, CORRECTNESS.yes)
CAPITAL = answer_prompt("What is the capital of France?", (), ())
TOO_LONG = answer_prompt("why? " * 300, (), ())
# Kinds of conversations, and where the reply to each ends.
CONVERSATIONS: dict[str, tuple[Conversation, tuple[str, ...]]] = {
    "question": (CAPITAL, ("\n",)),
    "few-shot": (answer_prompt("Who wrote Emma?", (), (FewShotExample("Who wrote Ulysses?", (), "Joyce"),)), ("\n",)),
    "choices": (answer_prompt("Which is a river?", ("the Rhine", "the Alps", "Rome"), ()), ()),
    "follow-up": (CONFIDENCE_PROMPTS[Phrasing.PERCENT].put(CAPITAL, "Paris"), ("%", "\n")),
    "judge": (judge_prompt("What is the capital of France?", ["Paris", "Lutetia"], "It is Paris."), ("\n",)),
    "equivalence": (equivalence_prompt("Who wrote Faust?", "Goethe", "J. W. von Goethe"), ("\n",)),
    "other letters": (answer_prompt("Wo liegt Zürich, und was heißt 東京?", (), ()), (".",)),
}


@pytest.fixture(scope="module")
def model() -> Model:
    return find_model(ModelConfig())


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def engine(model: Model, runner: asyncio.Runner) -> Iterator[Engine]:
    async def start() -> Engine:
        return Engine(model, CONFIG, Device.CPU, PromptStyle.AUTO)

    engine = runner.run(start())
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def endpoint(model: Model) -> Iterator[OpenAIBackend]:
    """A client of vLLM's own server of the same model."""
    with vllm_server(model, CONFIG) as url:
        served = find_model(ModelConfig(path=model.name, backend="openai", endpoint=Endpoint(base_url=url)))
        yield OpenAIBackend(served, CONFIG, Device.CPU, PromptStyle.AUTO)


@pytest.fixture(scope="module")
def wait(runner: asyncio.Runner) -> Await[Any]:
    return runner.run


@pytest.fixture(scope="module")
def reference(model: Model) -> Any:
    return AutoModelForCausalLM.from_pretrained(model.location, dtype=torch.float32).eval()


def next_logprobs(reference: Any, tokens: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.log_softmax(reference(torch.tensor([tokens])).logits[0], dim=-1)


def recipe(model: Model) -> Recipe:
    config = ElicitConfig(max_tokens=6, samples=Samples(k=3, top_p=1.0))
    return Recipe(model, PromptStyle.AUTO, config, PROMPTS, 0, {})


def work(question: str, **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "question_id": "q",
        "dataset": "d",
        "subject": "s",
        "question": question,
        "choices": [],
        "answer_key": "answer",
        "samples_key": "samples",
        "needs_answer": True,
        "first_sample": 0,
        "queries": [prompt.name for prompt in PROMPTS],
    }
    return vars(WorkItem(**base | changes))


def test_it_holds_what_raycal_relies_on(engine: Engine, wait: Await[Any]) -> None:
    wait(check_backend(engine, refused=TOO_LONG))


def test_an_endpoint_of_vllms_server_holds_it_too(endpoint: OpenAIBackend, wait: Await[Any]) -> None:
    wait(check_backend(endpoint, next_token=False, refused=TOO_LONG))


@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_vllms_server_says_what_the_engine_says(
    engine: Engine, endpoint: OpenAIBackend, wait: Await[Any], kind: str
) -> None:
    asked, stop = CONVERSATIONS[kind]
    ((here,), usage), ((there,), usage_there) = (
        wait(backend.generate(asked, max_tokens=12, stop=stop)) for backend in (engine, endpoint)
    )
    assert (there.text, there.finish_reason, usage_there) == (here.text, here.finish_reason, usage)
    assert there.logprobs == pytest.approx(here.logprobs, abs=1e-4)


def test_greedy_answer_and_its_logprobs_are_those_of_transformers(
    engine: Engine, reference: Any, wait: Await[Any]
) -> None:
    (answer,), usage = wait(engine.generate(CAPITAL, max_tokens=20, stop=("\n",)))
    assert "Paris" in answer.text
    assert answer.finish_reason == "stop"
    prompt = render(CAPITAL, engine.tokenizer, PromptStyle.AUTO)
    assert usage.prompt_tokens == len(prompt)
    assert usage.generated_tokens == len(answer.logprobs)
    tokens = engine.tokenizer.encode(answer.text)
    expected = next_logprobs(reference, prompt + tokens)
    for place, token in enumerate(tokens):
        assert answer.logprobs[place] == pytest.approx(float(expected[len(prompt) + place - 1, token]), abs=2e-3)


def test_sampled_logprobs_are_the_sampled_tokens_not_the_likeliest(
    engine: Engine, reference: Any, wait: Await[Any]
) -> None:
    samples, _ = wait(engine.generate(CAPITAL, n=4, max_tokens=5, temperature=1.5, seed=3))
    prompt = render(CAPITAL, engine.tokenizer, PromptStyle.AUTO)
    checked = 0
    for sample in samples:
        tokens = engine.tokenizer.encode(sample.text)
        if len(tokens) != len(sample.logprobs):
            continue  # the text was not tokenised as it was sampled
        expected = next_logprobs(reference, prompt + tokens)
        for place, token in enumerate(tokens):
            assert sample.logprobs[place] == pytest.approx(float(expected[len(prompt) + place - 1, token]), abs=2e-3)
        checked += 1
    assert checked
    assert len({sample.text for sample in samples}) > 1


def test_a_seed_gives_the_same_samples_in_any_company_and_in_any_portions(engine: Engine, wait: Await[Any]) -> None:
    async def alone_and_in_company() -> tuple[list[str], list[str], list[str]]:
        def draw(n: int, seed: int) -> Coroutine[Any, Any, Any]:
            return engine.generate(CAPITAL, n=n, max_tokens=8, temperature=1.0, seed=seed)

        alone, _ = await draw(4, 100)
        crowd = await asyncio.gather(draw(3, 7), draw(2, 100), draw(2, 102), draw(3, 50))
        return [s.text for s in alone], [s.text for s in crowd[1][0]], [s.text for s in crowd[2][0]]

    alone, first, second = wait(alone_and_in_company())
    assert first + second == alone


def test_two_choice_probability_is_that_of_transformers(engine: Engine, reference: Any, wait: Await[Any]) -> None:
    conversation = CORRECTNESS.put(CAPITAL, "Paris")
    logprobs, _ = wait(engine.next_token_logprobs(conversation, CHOICES))
    expected = next_logprobs(reference, render(conversation, engine.tokenizer, PromptStyle.AUTO))[-1]
    tokens = [engine.tokenizer.encode(text)[-1] for text in CHOICES]
    assert logprobs == pytest.approx([float(expected[token]) for token in tokens], abs=2e-3)


def test_choices_that_end_in_the_same_token_are_refused(engine: Engine, wait: Await[Any]) -> None:
    with pytest.raises(GenerationError, match="same token"):
        wait(engine.next_token_logprobs(CAPITAL, ("yes", "yes")))


def test_a_truncated_answer_is_marked(engine: Engine, wait: Await[Any]) -> None:
    (answer,), _ = wait(engine.generate(CAPITAL, max_tokens=2))
    assert answer.finish_reason == "length"


def test_a_prompt_over_the_context_is_refused_before_the_engine_sees_it(engine: Engine, wait: Await[Any]) -> None:
    with pytest.raises(GenerationError, match=r"engine\.max_model_len = 256"):
        wait(engine.generate(TOO_LONG, max_tokens=5))


def test_eliciting_fills_every_table_with_rows_of_its_schema(engine: Engine, model: Model, wait: Await[Any]) -> None:
    rows = wait(Elicitor(recipe(model)).ask(engine, work("What is the capital of France?")))
    assert [row["index"] for row in rows[Table.SAMPLES]] == [0, 1, 2]
    assert {row["query"] for row in rows[Table.QUERIES]} == {prompt.name for prompt in PROMPTS}
    (correctness,) = [row for row in rows[Table.QUERIES] if row["query"] == CORRECTNESS.name]
    assert 0 < correctness["p_true"] < 1
    assert math.isfinite(correctness["p_true"])
    for table, some in rows.items():
        for row in some:
            assert row.get("error") is None
            assert set(row) <= set(SCHEMAS[table].names)
            assert row["generated_tokens"] >= 1


def test_only_what_is_left_is_asked(engine: Engine, model: Model, wait: Await[Any]) -> None:
    left = {"needs_answer": False, "answer": "Paris", "first_sample": 2, "queries": ["words"]}
    rows = wait(Elicitor(recipe(model)).ask(engine, work("What is the capital of France?", **left)))
    everything = wait(Elicitor(recipe(model)).ask(engine, work("What is the capital of France?")))
    assert rows[Table.ANSWERS] == []
    assert [row["index"] for row in rows[Table.SAMPLES]] == [2]
    assert rows[Table.SAMPLES][0]["text"] == everything[Table.SAMPLES][2]["text"]
    assert [row["query"] for row in rows[Table.QUERIES]] == ["words"]


def test_a_question_that_cannot_be_asked_is_error_rows_under_the_expected_keys(
    engine: Engine, model: Model, wait: Await[Any]
) -> None:
    task = Elicitor(recipe(model))
    row = work("why? " * 300)
    rows = wait(task.ask(engine, row))
    for table in task.partitions:
        written = [f"{one['key']}:{one.get('index', '')}" for one in rows[table]]
        assert sorted(written) == sorted(WorkItem(**row).expected_keys(table, task.recipe))
        assert all(one["error"] for one in rows[table])
    assert "max_model_len" in rows[Table.ANSWERS][0]["error"]


def test_judges_keep_the_reply_and_the_verdict_it_gives(engine: Engine, wait: Await[Any]) -> None:
    graded = {"key": "k", "answer_key": "a", "question_id": "q", "grader": "judge"}
    asked = {"question": "What is the capital of France?", "choices": [], "accepted": ["Paris"], "answer": "Paris"}
    (grade,) = wait(answer_judge(Judge(), "p").ask(engine, graded | asked))[Table.GRADES]
    assert grade["correct"] is not None, grade["reason"]
    assert grade["correct"] == parse_verdict(grade["reason"])
    pair = {"key": "k", "question_id": "q", "question": "Who?", "one": "Ann", "other": "Bob"}
    (verdict,) = wait(pair_judge(EquivalenceJudge(), "p", "m", "t").ask(engine, pair))[Table.VERDICTS]
    assert verdict["verdict"] is not None, verdict["text"]
    assert verdict["verdict"] == parse_verdict(verdict["text"])
    assert set(verdict) <= set(SCHEMAS[Table.VERDICTS].names)


def test_the_engine_counts_its_busy_time_once_for_requests_side_by_side(engine: Engine, wait: Await[Any]) -> None:
    async def timed() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        started, busy = loop.time(), engine.busy_seconds()
        conversations: list[Conversation] = [answer_prompt(f"Who is number {i}?", (), ()) for i in range(6)]
        await asyncio.gather(*(engine.generate(one, max_tokens=10) for one in conversations))
        return loop.time() - started, engine.busy_seconds() - busy

    elapsed, busy = wait(timed())
    assert 0 < busy <= elapsed + 1e-3
