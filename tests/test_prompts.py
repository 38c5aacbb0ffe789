from __future__ import annotations

import pytest
from support import PROMPTS
from transformers import AutoTokenizer

from raycal.config.engine import ModelConfig, PromptStyle
from raycal.models.find import find_model
from raycal.models.prompts import (
    CORRECTNESS,
    Conversation,
    FewShotExample,
    answer_prompt,
    choice_letter,
    equivalence_prompt,
    judge_prompt,
    render,
    template_name,
)


@pytest.fixture(scope="module")
def tokenizer():  # type: ignore[no-untyped-def]
    return AutoTokenizer.from_pretrained(find_model(ModelConfig()).location)


EXAMPLE = FewShotExample("What is the capital of Peru?", (), "Lima")


def text(conversation: Conversation, tokenizer, style: PromptStyle) -> str:  # type: ignore[no-untyped-def]
    return str(tokenizer.decode(render(conversation, tokenizer, style)))


def test_chat_prompts_go_through_the_template_and_end_where_the_model_speaks(tokenizer) -> None:  # type: ignore[no-untyped-def]
    asked = text(answer_prompt("Who?", (), [EXAMPLE]), tokenizer, PromptStyle.AUTO)
    assert asked.endswith("<|im_start|>user\nQuestion: Who?<|im_end|>\n<|im_start|>assistant\n")
    assert asked.count("short phrase") == 1
    assert "<|im_start|>assistant\nLima<|im_end|>" in asked


def test_base_prompts_are_plain_text_in_the_same_pattern(tokenizer) -> None:  # type: ignore[no-untyped-def]
    asked = text(answer_prompt("Who?", (), [EXAMPLE]), tokenizer, PromptStyle.BASE)
    assert asked == (
        "Answer with a short phrase and nothing else.\n\nQuestion: What is the capital of Peru?\nAnswer: Lima"
        "\n\nQuestion: Who?\nAnswer:"
    )


def test_auto_is_base_exactly_where_there_is_no_template(tokenizer) -> None:  # type: ignore[no-untyped-def]
    asked = answer_prompt("Who?", (), ())
    template, tokenizer.chat_template = tokenizer.chat_template, None
    try:
        assert render(asked, tokenizer, PromptStyle.AUTO) == render(asked, tokenizer, PromptStyle.BASE)
    finally:
        tokenizer.chat_template = template
    assert render(asked, tokenizer, PromptStyle.AUTO) == render(asked, tokenizer, PromptStyle.CHAT)


@pytest.mark.parametrize("style", [PromptStyle.CHAT, PromptStyle.BASE])
def test_follow_ups_continue_the_tokens_of_the_question(tokenizer, style: PromptStyle) -> None:  # type: ignore[no-untyped-def]
    asked = answer_prompt("What is the capital of France?", (), [EXAMPLE])
    prefix = render(asked, tokenizer, style)
    for prompt in PROMPTS:
        assert render(prompt.put(asked, "Paris"), tokenizer, style)[: len(prefix)] == prefix


def test_choices_are_lettered_and_the_letter_is_asked_for(tokenizer) -> None:  # type: ignore[no-untyped-def]
    choices = ("Lyon", "Paris")
    asked = text(answer_prompt("Capital of France?", choices, ()), tokenizer, PromptStyle.CHAT)
    assert "Capital of France?\nA. Lyon\nB. Paris" in asked
    assert "letter" in asked
    assert choice_letter(choices, "Paris") == "B"


def test_any_change_of_wording_changes_the_name_of_a_template() -> None:
    conversations = [
        answer_prompt("{question}", (), ()),
        CORRECTNESS.put(answer_prompt("{question}", (), ()), "{answer}"),
        judge_prompt("{question}", ["{accepted}"], "{answer}"),
        equivalence_prompt("{question}", "{left}", "{right}"),
    ]
    names = {template_name("x", conversation, PromptStyle.CHAT) for conversation in conversations}
    assert len(names) == len(conversations)


def test_braces_in_questions_are_not_placeholders(tokenizer) -> None:  # type: ignore[no-untyped-def]
    judged = judge_prompt("What is {x}?", ["{answer}"], "{0}")
    assert "What is {x}?" in text(judged, tokenizer, PromptStyle.CHAT)
