"""Simulated models: what they say fits what they are asked, is the same each time, and tells right from wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from sklearn.metrics import roc_auc_score
from support import command_of

from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.finetuning.data import tokenize
from raycal.grading import parse_verdict
from raycal.inference.backend import EngineDiedError, EngineStartError, GenerationError
from raycal.inference.backends import states_backend, text_backend
from raycal.inference.hidden_states import HiddenStates
from raycal.inference.vllm_backend import Engine
from raycal.methods.stated_reply import read_confidence
from raycal.models.find import find_model
from raycal.models.prompts import (
    CONFIDENCE_PROMPTS,
    CORRECTNESS,
    Conversation,
    FewShotExample,
    Phrasing,
    answer_prompt,
    equivalence_prompt,
    judge_prompt,
)
from raycal.testing import Fact, Service, SimulatedEngine, SimulatedStates, check_backend, simulated_model
from raycal.testing.simulated_engine import PROCESS
from raycal.testing.simulated_model import set_service

FACTS = {f"What is number {i}?": Fact(f"right {i}", 0.1 + 0.8 * i / 200) for i in range(200)}
ALWAYS, NEVER = "What is always known?", "What is never known?"
EXAMPLES = (FewShotExample("What is shown?", (), "This"),)
CONFIG = EngineConfig()
SIMULATED = ModelConfig(backend="simulated")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    facts = FACTS | {ALWAYS: Fact("Paris", 1.0), NEVER: Fact("Rome", 0.0)}
    return simulated_model(tmp_path_factory.mktemp("simulated") / "model", facts)


def engine_of(folder: Path) -> SimulatedEngine:
    return SimulatedEngine(find_model(ModelConfig(path=str(folder))), CONFIG, Device.CPU, PromptStyle.AUTO)


@pytest.fixture(scope="module")
def engine(folder: Path) -> SimulatedEngine:
    return engine_of(folder)


def texts(engine: SimulatedEngine, conversation: Conversation, **settings: Any) -> list[str]:
    generations, usage = asyncio.run(engine.generate(conversation, **{"max_tokens": 20} | settings))
    assert usage.prompt_tokens > 0
    assert usage.generated_tokens == sum(len(one.logprobs) for one in generations)
    return [one.text for one in generations]


def test_what_is_always_known_is_answered_rightly_and_what_never_is_wrongly(engine: SimulatedEngine) -> None:
    right, wrong = (answer_prompt(question, (), EXAMPLES) for question in (ALWAYS, NEVER))
    assert texts(engine, right, n=9, temperature=1.0, seed=3) == ["Paris"] * 9
    assert "Rome" not in texts(engine, wrong, n=9, temperature=1.0, seed=3)


def test_a_draw_is_right_as_often_as_it_is_likely_to_be(engine: SimulatedEngine) -> None:
    for index in (20, 180):
        question = f"What is number {index}?"
        drawn = texts(engine, answer_prompt(question, (), ()), n=2000, temperature=1.0, seed=0)
        assert np.mean([text == f"right {index}" for text in drawn]) == pytest.approx(
            FACTS[question].likelihood, abs=0.05
        )


def test_a_seed_gives_the_same_samples_in_any_portions(folder: Path, engine: SimulatedEngine) -> None:
    asked = answer_prompt("What is number 100?", (), ())
    together = texts(engine, asked, n=8, temperature=1.0, seed=40)
    again = engine_of(folder)
    portions = [texts(again, asked, n=n, temperature=1.0, seed=seed) for n, seed in ((3, 40), (5, 43))]
    assert [*portions[0], *portions[1]] == together
    assert len(set(together)) > 1


def test_a_choice_is_answered_by_its_letter(engine: SimulatedEngine) -> None:
    assert texts(engine, answer_prompt(ALWAYS, ("London", "Paris", "Rome"), ())) == ["B"]
    drawn = texts(engine, answer_prompt(NEVER, ("London", "Paris", "Rome"), ()), n=50, temperature=1.0, seed=0)
    assert set(drawn) == {"A", "B"}


def test_a_generation_ends_at_the_limit_of_tokens(engine: SimulatedEngine) -> None:
    asked = answer_prompt("What is number 199?", (), ())
    (cut,), _ = asyncio.run(engine.generate(asked, max_tokens=1, n=1, temperature=1.0, seed=7))
    assert (cut.text, cut.finish_reason, len(cut.logprobs)) == ("right", "length", 1)


def test_it_holds_what_raycal_relies_on(tmp_path: Path) -> None:
    asked = answer_prompt(NEVER, (), ())
    folder = simulated_model(tmp_path / "model", FACTS, Service(refused=(NEVER,)))
    for question in list(FACTS)[::20]:
        asyncio.run(check_backend(engine_of(folder), answer_prompt(question, (), EXAMPLES), refused=asked))


@pytest.mark.parametrize(
    ("stop", "text", "tokens"), [("\n", "right 199", 2), (" ", "right", 1), ("9", "right 1", 2), ("r", "", 1)]
)
def test_a_generation_ends_at_a_stop_string(engine: SimulatedEngine, stop: str, text: str, tokens: int) -> None:
    asked = answer_prompt("What is number 199?", (), ())
    (cut,), _ = asyncio.run(engine.generate(asked, max_tokens=20, temperature=1.0, seed=7, stop=(stop,)))
    assert (cut.text, cut.finish_reason, len(cut.logprobs)) == (text, "stop", tokens)


Confidence = Callable[[SimulatedEngine, Conversation, str], float]


def p_true(engine: SimulatedEngine, asked: Conversation, answer: str) -> float:
    query = engine.next_token_logprobs(CORRECTNESS.put(asked, answer), (CORRECTNESS.no, CORRECTNESS.yes))
    (no, yes), _ = asyncio.run(query)
    return float(1 / (1 + np.exp(no - yes)))


def stated(phrasing: Phrasing) -> Confidence:
    def ask(engine: SimulatedEngine, asked: Conversation, answer: str) -> float:
        (text,) = texts(engine, CONFIDENCE_PROMPTS[phrasing].put(asked, answer))
        value = read_confidence(text, phrasing).value
        assert value is not None, text
        return value

    return ask


@pytest.mark.parametrize("confidence", [p_true, *map(stated, Phrasing)])
def test_confidences_tell_right_from_wrong_but_not_always(engine: SimulatedEngine, confidence: Confidence) -> None:
    correct, values = [], []
    for question, fact in FACTS.items():
        asked = answer_prompt(question, (), EXAMPLES)
        (answer,) = texts(engine, asked)
        correct.append(answer == fact.answer)
        values.append(confidence(engine, asked, answer))
    assert 0.3 < np.mean(correct) < 0.7
    assert 0.7 < roc_auc_score(correct, values) < 0.99


def test_judges_say_yes_of_what_is_the_same_and_no_of_the_rest(engine: SimulatedEngine) -> None:
    def verdict(conversation: Conversation) -> bool | None:
        (reply,) = texts(engine, conversation)
        return parse_verdict(reply)

    assert verdict(judge_prompt("Who?", ["Ann", "Anna"], " anna")) is True
    assert verdict(judge_prompt("Who?", ["Ann", "Anna"], "Bob")) is False
    assert verdict(equivalence_prompt("Who?", "Ann", "ann")) is True
    assert verdict(equivalence_prompt("Who?", "Ann", "Bob")) is False


@pytest.mark.parametrize("choices", [(), ("right 150", "London")])
def test_the_last_states_tell_right_from_wrong(folder: Path, choices: tuple[str, ...]) -> None:
    states = SimulatedStates(find_model(ModelConfig(path=str(folder))), CONFIG, Device.CPU, PromptStyle.AUTO)

    def last_state(question: str, answer: str) -> float:
        asked = answer_prompt(question, choices, EXAMPLES)
        example = tokenize("k", asked, answer, False, tokenizer=states.tokenizer, style=states.style)
        return float(asyncio.run(states.last_token_states(list(example.unasked.tokens)))[-1, 0])

    right = [last_state(one, "A" if choices else fact.answer) for one, fact in FACTS.items()]
    wrong = [last_state(one, "B" if choices else "Nobody") for one in FACTS]
    assert 0.7 < roc_auc_score([True] * len(right) + [False] * len(wrong), right + wrong) < 0.99


def test_a_model_without_facts_about_a_question_makes_some_up(engine: SimulatedEngine) -> None:
    asked = answer_prompt("What was never heard of?", (), ())
    drawn = texts(engine, asked, n=400, temperature=1.0, seed=0)
    counts = sorted((drawn.count(text) for text in set(drawn)), reverse=True)
    assert counts[0] / 400 == pytest.approx(0.5, abs=0.1)
    assert len(counts) == 4


def wait(request: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(request)


def test_some_questions_are_refused_and_some_end_the_engine(tmp_path: Path) -> None:
    service = Service(fatal=(ALWAYS,), refused=(NEVER,), own_process=True)
    engine = engine_of(simulated_model(tmp_path / "model", {}, service))
    (process,) = own_processes()
    with pytest.raises(GenerationError, match="refused"):
        wait(engine.generate(answer_prompt(NEVER, (), ()), max_tokens=5))
    assert wait(engine.generate(answer_prompt("Who?", (), ()), max_tokens=5))
    with pytest.raises(EngineDiedError):
        wait(engine.generate(CORRECTNESS.put(answer_prompt(ALWAYS, (), ()), "Paris"), max_tokens=5))
    assert not process.is_running()
    with pytest.raises(EngineDiedError, match="is gone"):
        wait(engine.generate(answer_prompt("Who?", (), ()), max_tokens=5))


def own_processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if PROCESS in command_of(child)]


def test_an_engine_whose_process_was_killed_is_dead(tmp_path: Path) -> None:
    engine = engine_of(simulated_model(tmp_path / "model", {}, Service(own_process=True)))
    (process,) = own_processes()
    process.kill()
    process.wait()
    with pytest.raises(EngineDiedError, match="is gone"):
        wait(engine.generate(answer_prompt("Who?", (), ()), max_tokens=5))
    engine.close()


def test_how_a_model_is_served_is_no_part_of_its_key_and_what_it_knows_is(tmp_path: Path) -> None:
    def key(folder: Path) -> str:
        return str(find_model(ModelConfig(path=str(folder))))

    folder = simulated_model(tmp_path / "model", FACTS)
    before = key(folder)
    set_service(folder, Service(latency_s=1.0))
    assert key(folder) == before
    question, fact = next(iter(FACTS.items()))
    simulated_model(folder, FACTS | {question: replace(fact, likelihood=0.99)})
    assert key(folder) != before


def test_the_backend_of_an_experiment_names_the_classes() -> None:
    assert (text_backend(SIMULATED), states_backend(SIMULATED)) == (SimulatedEngine, SimulatedStates)
    assert (text_backend(ModelConfig()), states_backend(ModelConfig())) == (Engine, HiddenStates)
    with pytest.raises(ExperimentError, match=r"no backend 'vlm': did you mean 'vllm'"):
        read_experiment(None, ["model.backend=vlm"])


def test_a_folder_without_a_simulated_model_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EngineStartError, match=r"holds no simulated model: write one by raycal\.testing"):
        engine_of(tmp_path)
