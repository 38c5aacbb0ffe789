"""Mappings of mathematics and puzzles."""

from __future__ import annotations

from raycal.questions.cells import is_true
from raycal.questions.items import ChoiceItem, OpenItem
from raycal.questions.sources.hub_mappings.facts import with_answers
from raycal.questions.sources.hub_mappings.mapping import (
    CHOICE,
    CHOICE_FIRST,
    OPEN,
    Cells,
    HubMapping,
    identified,
    optional_text,
    text,
    with_listed_choices,
)


def _math_500(row: Cells) -> OpenItem:
    level = optional_text(row, "level")
    return OpenItem(
        question=text(row, "problem"),
        answers=(text(row, "answer"),),
        subject=optional_text(row, "subject"),
        metadata=identified(row, "unique_id") | ({"level": level} if level else {}),
    )


def _aime(row: Cells) -> OpenItem:
    """Answers are whole numbers up to 999, which some copies write with three digits."""
    answer = text(row, "Answer", "answer")
    return OpenItem(
        question=text(row, "Problem", "problem", "Question", "question"),
        answers=(answer.lstrip("0") or "0", answer) if answer.isdecimal() else (answer,),
        metadata=identified(row, "ID") | identified(row, "id"),
    )


def _strategy_qa(row: Cells) -> ChoiceItem:
    return ChoiceItem(
        question=text(row, "question"),
        choices=("yes", "no"),
        right=0 if is_true(row, "answer") else 1,
        metadata=identified(row, "qid"),
    )


def _bbh(row: Cells) -> ChoiceItem | OpenItem:
    """A puzzle whose target is one of the options in its text ("(A)"), or a word."""
    return with_listed_choices(text(row, "input"), "Options:", text(row, "target"))


REASONING: dict[str, HubMapping] = {
    "gsm8k": HubMapping(
        path="openai/gsm8k",
        config="main",
        split="test",
        kinds=OPEN,
        columns=("question", "answer"),
        read=with_answers,
    ),
    "math_500": HubMapping(
        path="HuggingFaceH4/MATH-500",
        split="test",
        kinds=OPEN,
        columns=("problem", "answer"),
        optional=("subject", "level", "unique_id"),
        read=_math_500,
    ),
    "aime": HubMapping(
        path="Maxwell-Jia/AIME_2024",
        split="train",  # there is no other
        kinds=OPEN,
        columns=(("Problem", "problem", "Question", "question"), ("Answer", "answer")),
        optional=("ID", "id"),
        read=_aime,
    ),
    "strategy_qa": HubMapping(
        path="ChilleD/StrategyQA",
        split="test",
        kinds=CHOICE,
        columns=("question", "answer"),
        optional=("qid",),
        read=_strategy_qa,
    ),
    "bbh": HubMapping(
        path="SaylorTwift/bbh",  # without a default configuration: each is a task
        split="test",
        kinds=(*OPEN, *CHOICE_FIRST[:1]),
        columns=("input", "target"),
        read=_bbh,
    ),
}
