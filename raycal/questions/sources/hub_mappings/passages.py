"""Mappings of datasets whose questions are about a passage, which stands in front of the question."""

from __future__ import annotations

from collections.abc import Mapping

from raycal.questions.cells import MISSING, is_missing, is_true, lookup
from raycal.questions.items import ChoiceItem, OpenItem
from raycal.questions.question import QuestionError
from raycal.questions.sources.hub_mappings.mapping import (
    CHOICE,
    CONVERTED,
    LETTERS,
    OPEN,
    Cells,
    HubMapping,
    behind,
    identified,
    optional_text,
    position,
    text,
    texts,
)


def _boolq(row: Cells) -> ChoiceItem:
    question = behind(text(row, "passage"), f"{text(row, 'question').rstrip('?')}?")
    return ChoiceItem(question=question, choices=("yes", "no"), right=position(text(row, "answer"), ("yes", "no")))


def _race(row: Cells) -> ChoiceItem:
    options = texts(row, "options")
    return ChoiceItem(
        question=behind(text(row, "article"), text(row, "question")),
        choices=options,
        right=position(text(row, "answer"), LETTERS[: len(options)]),
        metadata=identified(row, "example_id"),
    )


def _logiqa(row: Cells) -> ChoiceItem:
    """Of its copies one counts the right option from 0 (`correct_option`), the other names its letter (`label`)."""
    options = texts(row, "options")
    by_letter = lookup(row, "correct_option") is MISSING
    labels = [letter.lower() for letter in LETTERS] if by_letter else list(map(str, range(len(options))))
    return ChoiceItem(
        question=behind(text(row, "context"), text(row, "query", "question")),
        choices=options,
        right=position(text(row, "correct_option", "label").lower(), labels[: len(options)]),
    )


def _squad_v2(row: Cells) -> OpenItem:
    """A question without an answer in the passage has an empty list of answers."""
    answers = texts(row, "answers.text")
    return OpenItem(
        question=behind(text(row, "context"), text(row, "question")),
        answers=answers,
        answerable=bool(answers),
        subject=optional_text(row, "title"),
        metadata=identified(row, "id"),
    )


def _musique(row: Cells) -> OpenItem:
    """Twenty paragraphs; where one that is needed was taken out, the question is unanswerable."""
    paragraphs = lookup(row, "paragraphs")
    if not isinstance(paragraphs, list) or not all(isinstance(one, Mapping) for one in paragraphs):
        raise QuestionError("the column 'paragraphs' holds no paragraphs")
    passages = [f"{text(one, 'title')}\n{text(one, 'paragraph_text')}" for one in paragraphs]
    return OpenItem(
        question=behind("\n\n".join(passages), text(row, "question")),
        answers=(text(row, "answer"), *texts(row, "answer_aliases")),
        answerable=is_missing(lookup(row, "answerable")) or is_true(row, "answerable"),
        metadata=identified(row, "id"),
    )


PASSAGES: dict[str, HubMapping] = {
    "boolq": HubMapping(
        path="google/boolq",
        split="validation",
        kinds=CHOICE,
        columns=("question", "passage", "answer"),
        read=_boolq,
    ),
    "race": HubMapping(
        path="ehovy/race",
        config="all",
        split="test",
        kinds=CHOICE,
        columns=("article", "question", "options", "answer"),
        optional=("example_id",),
        read=_race,
    ),
    "logiqa": HubMapping(
        path="lucasmccabe/logiqa",
        revision=CONVERTED,
        split="test",
        kinds=CHOICE,
        columns=("context", ("query", "question"), "options", ("correct_option", "label")),
        read=_logiqa,
    ),
    "squad_v2": HubMapping(
        path="rajpurkar/squad_v2",
        split="validation",
        kinds=OPEN,
        columns=("context", "question", "answers.text"),
        optional=("title", "id"),
        read=_squad_v2,
    ),
    "musique": HubMapping(
        path="dgslibisey/MuSiQue",
        split="validation",
        kinds=OPEN,
        columns=("question", "paragraphs", "answer", "answer_aliases"),
        optional=("answerable", "id"),
        read=_musique,
    ),
}
