"""Mappings of exams: questions of a subject, with choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raycal.questions.cells import is_missing, lookup, text_of
from raycal.questions.items import ChoiceItem, OpenItem
from raycal.questions.question import QuestionError
from raycal.questions.sources.hub_mappings.mapping import (
    CHOICE_FIRST,
    LETTERS,
    OPEN,
    Cells,
    HubMapping,
    checked,
    identified,
    optional_text,
    position,
    right_among,
    text,
    texts,
    with_listed_choices,
)

LABELLED = ("choices.label", "choices.text", "answerKey", "id")
_FROM_ZERO = ("0", "1", "2", "3")
_HLE_CHOICES = "Answer Choices:"


def labelled(row: Cells, question: str, **fields: Any) -> ChoiceItem:
    """Choices with labels (A, B, C or 1, 2, 3), of which `answerKey` names the right one."""
    return ChoiceItem(
        question=question,
        choices=texts(row, "choices.text"),
        right=position(text(row, "answerKey"), texts(row, "choices.label")),
        metadata={"id": text(row, "id")},
        **fields,
    )


def _mmlu(row: Cells) -> ChoiceItem:
    return ChoiceItem(
        question=text(row, "question"),
        choices=texts(row, "choices"),
        right=position(text(row, "answer"), _FROM_ZERO),
        subject=text(row, "subject"),
    )


def _mmlu_pro(row: Cells) -> ChoiceItem:
    """Up to ten options; the older files fill up with N/A behind them."""
    options = texts(row, "options")
    while options and options[-1] == "N/A":
        options = options[:-1]
    letters = LETTERS[: len(options)]
    right = position(text(row, "answer"), letters)
    if right != position(text(row, "answer_index"), tuple(map(str, range(len(options))))):
        raise QuestionError("answer and answer_index name different options")
    return ChoiceItem(
        question=text(row, "question"),
        choices=options,
        right=right,
        subject=text(row, "category"),
        metadata=identified(row, "question_id"),
    )


def _gpqa(row: Cells) -> ChoiceItem:
    wrong = tuple(text(row, f"Incorrect Answer {number}") for number in (1, 2, 3))
    return right_among(
        text(row, "Question"),
        text(row, "Correct Answer"),
        wrong,
        subject=optional_text(row, "High-level domain"),
        metadata=identified(row, "Record ID"),
    )


def _sciq(row: Cells) -> ChoiceItem:
    wrong = tuple(text(row, f"distractor{number}") for number in (1, 2, 3))
    return right_among(text(row, "question"), text(row, "correct_answer"), wrong)


def _medqa(row: Cells) -> ChoiceItem:
    """The options are an object of letters; `answer_idx` is one of them, `answer` what it says."""
    options = lookup(row, "options")
    if not isinstance(options, Mapping):
        raise QuestionError("the column 'options' holds no choices by their letters")
    letters = tuple(sorted(letter for letter, option in options.items() if not is_missing(option)))
    choices = tuple(text_of(options[letter]) for letter in letters)
    return ChoiceItem(
        question=text(row, "question"),
        choices=choices,
        right=checked(choices, position(text(row, "answer_idx"), letters), text(row, "answer")),
        subject=optional_text(row, "meta_info"),
    )


def _medmcqa(row: Cells) -> ChoiceItem:
    """`cop` counts from 0 on the hub; -1 is an answer that was kept back."""
    return ChoiceItem(
        question=text(row, "question"),
        choices=tuple(text(row, column) for column in ("opa", "opb", "opc", "opd")),
        right=position(text(row, "cop"), _FROM_ZERO),
        subject=optional_text(row, "subject_name"),
        metadata=identified(row, "id"),
    )


def _hle(row: Cells) -> ChoiceItem | OpenItem:
    """Questions in text alone; those with choices have them in their text."""
    if not is_missing(lookup(row, "image")):
        raise QuestionError("the question has an image, and is asked in text alone")
    question, answer, fields = text(row, "question"), text(row, "answer"), _hle_fields(row)
    if text(row, "answer_type") == "multipleChoice":
        return with_listed_choices(question, _HLE_CHOICES, answer, **fields)
    return OpenItem(question=question, answers=(answer,), **fields)


def _hle_fields(row: Cells) -> dict[str, Any]:
    return {"subject": optional_text(row, "category"), "metadata": identified(row, "id")}


EXAMS: dict[str, HubMapping] = {
    "mmlu": HubMapping(
        path="cais/mmlu",
        config="all",
        split="test",
        few_shot="dev",
        kinds=CHOICE_FIRST,
        columns=("question", "subject", "choices", "answer"),
        read=_mmlu,
    ),
    "mmlu_pro": HubMapping(
        path="TIGER-Lab/MMLU-Pro",
        split="test",
        kinds=CHOICE_FIRST,
        columns=("question", "options", "answer", "answer_index", "category"),
        optional=("question_id",),
        read=_mmlu_pro,
    ),
    "gpqa": HubMapping(
        path="Idavidrein/gpqa",
        config="gpqa_diamond",
        split="train",  # there is no other
        kinds=CHOICE_FIRST,
        columns=("Question", "Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"),
        optional=("High-level domain", "Record ID"),
        read=_gpqa,
    ),
    "arc": HubMapping(
        path="allenai/ai2_arc",
        config="ARC-Challenge",
        split="test",
        kinds=CHOICE_FIRST,
        columns=("question", *LABELLED),
        read=lambda row: labelled(row, text(row, "question")),
    ),
    "openbookqa": HubMapping(
        path="allenai/openbookqa",
        config="main",
        split="test",
        kinds=CHOICE_FIRST,
        columns=("question_stem", *LABELLED),
        read=lambda row: labelled(row, text(row, "question_stem")),
    ),
    "sciq": HubMapping(
        path="allenai/sciq",
        split="test",
        kinds=CHOICE_FIRST,
        columns=("question", "correct_answer", "distractor1", "distractor2", "distractor3"),
        read=_sciq,
    ),
    "medqa": HubMapping(
        path="GBaker/MedQA-USMLE-4-options",
        split="test",
        kinds=CHOICE_FIRST,
        columns=("question", "options", "answer_idx", "answer"),
        optional=("meta_info",),
        read=_medqa,
    ),
    "medmcqa": HubMapping(
        path="openlifescienceai/medmcqa",
        split="validation",  # the test split has no answers
        kinds=CHOICE_FIRST,
        columns=("question", "opa", "opb", "opc", "opd", "cop"),
        optional=("subject_name", "id"),
        read=_medmcqa,
    ),
    "hle": HubMapping(
        path="cais/hle",
        split="test",
        kinds=(*OPEN, *CHOICE_FIRST[:1]),
        columns=("question", "answer", "answer_type"),
        optional=("image", "category", "id"),
        read=_hle,
    ),
}
