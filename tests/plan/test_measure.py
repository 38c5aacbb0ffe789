"""How long prompts are taken to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycal.config.engine import PromptStyle
from raycal.models.find import Model
from raycal.models.prompts import answer_prompt
from raycal.plan.context import SAMPLE, Measure, Tally, find_tokenizer


class Words:
    """A tokeniser for which a word is a token."""

    chat_template = None

    def encode(self, text: str) -> list[str]:
        return text.split()


def test_a_prompt_is_as_long_as_the_models_tokeniser_says() -> None:
    prompt = answer_prompt("Why?", (), ())
    # Answer with a short phrase and nothing else. Question: Why? Answer:
    assert Measure(Words(), PromptStyle.AUTO)(prompt) == 8 + 2 + 1


def test_without_a_tokeniser_four_characters_are_a_token() -> None:
    prompt = answer_prompt("Why?", (), ())
    characters = sum(len(turn.content) for turn in prompt)
    assert Measure(None, PromptStyle.CHAT)(prompt) == characters / 4


def test_a_hub_model_that_was_not_downloaded_has_no_tokeniser_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    assert find_tokenizer(Model("nobody/nothing", "nobody/nothing", "main")) is None


def test_a_folder_with_weights_alone_has_none_either(tmp_path: Path) -> None:
    assert find_tokenizer(Model(str(tmp_path), "x", "1")) is None


def test_a_tally_counts_all_and_keeps_those_with_the_smallest_keys() -> None:
    tally = Tally()
    for number in reversed(range(1000)):
        tally.add(f"{number:04}", {"number": number}, rows=3)
    assert (tally.questions, tally.rows) == (1000, 3000)
    assert tally.mean(lambda row: row["number"]) == (SAMPLE - 1) / 2
    assert Tally().mean(lambda row: 1) == 0
