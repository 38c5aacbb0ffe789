"""Mappings of well-known hub datasets to questions: one function and one line of the table a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raycal.questions.cells import MISSING, accepted_answers, lookup, text_of
from raycal.questions.items import ChoiceItem, OpenItem, shuffled
from raycal.questions.question import Kind, QuestionError

Cells = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class HubMapping:
    """Where a dataset is, and how a row of it becomes an item; nested columns are dotted."""

    path: str
    config: str | None = None
    split: str
    kinds: tuple[Kind, ...]  # those it can be asked as, its usual one first
    columns: tuple[str, ...]
    read: Callable[[Cells], ChoiceItem | OpenItem]
    few_shot: str | None = None  # a split whose rows are shown as examples


def _text(row: Cells, column: str) -> str:
    return text_of(lookup(row, column))


def _texts(row: Cells, column: str) -> tuple[str, ...]:
    cell = lookup(row, column)
    if cell is MISSING or cell is None:
        raise QuestionError(f"the column {column!r} is missing")
    return tuple(text_of(element) for element in cell)


def _position(text: str, labels: tuple[str, ...]) -> int:
    if labels.count(text) != 1:
        raise QuestionError(f"the answer {text!r} is not one of {', '.join(labels)}")
    return labels.index(text)


def _mmlu(row: Cells) -> ChoiceItem:
    return ChoiceItem(
        question=_text(row, "question"),
        choices=_texts(row, "choices"),
        right=_position(_text(row, "answer"), ("0", "1", "2", "3")),
        subject=_text(row, "subject"),
    )


def _labelled(row: Cells, question: str, **fields: Any) -> ChoiceItem:
    """Choices with labels (A, B, C or 1, 2, 3), of which `answerKey` names the right one."""
    return ChoiceItem(
        question=question,
        choices=_texts(row, "choices.text"),
        right=_position(_text(row, "answerKey"), _texts(row, "choices.label")),
        metadata={"id": _text(row, "id")},
        **fields,
    )


def _arc(row: Cells) -> ChoiceItem:
    return _labelled(row, _text(row, "question"))


def _openbookqa(row: Cells) -> ChoiceItem:
    return _labelled(row, _text(row, "question_stem"))


def _commonsense_qa(row: Cells) -> ChoiceItem:
    return _labelled(row, _text(row, "question"), subject=_text(row, "question_concept"))


def _right_among(question: str, right: str, wrong: tuple[str, ...]) -> ChoiceItem:
    """The right answer among wrong ones in an order by hash, for datasets that name it first or apart."""
    choices = shuffled(question, (right, *wrong))
    return ChoiceItem(question=question, choices=choices, right=choices.index(right))


def _sciq(row: Cells) -> ChoiceItem:
    wrong = tuple(_text(row, f"distractor{number}") for number in (1, 2, 3))
    return _right_among(_text(row, "question"), _text(row, "correct_answer"), wrong)


def _boolq(row: Cells) -> ChoiceItem:
    """With the passage that it asks about, in front of the question."""
    question = f"{_text(row, 'passage')}\n\n{_text(row, 'question').rstrip('?')}?"
    return ChoiceItem(question=question, choices=("yes", "no"), right=_position(_text(row, "answer"), ("yes", "no")))


def _truthful_qa(row: Cells) -> OpenItem:
    return OpenItem(
        question=_text(row, "question"),
        answers=(_text(row, "best_answer"), *_texts(row, "correct_answers")),
        subject=_text(row, "category"),
        metadata={"incorrect_answers": list(_texts(row, "incorrect_answers"))},
    )


def _truthful_qa_mc(row: Cells) -> ChoiceItem:
    choices = _texts(row, "mc1_targets.choices")
    right = _position("1", _texts(row, "mc1_targets.labels"))
    return _right_among(_text(row, "question"), choices[right], (*choices[:right], *choices[right + 1 :]))


def _trivia_qa(row: Cells) -> OpenItem:
    return OpenItem(
        question=_text(row, "question"),
        answers=(_text(row, "answer.value"), *_texts(row, "answer.aliases")),
        metadata={"id": _text(row, "question_id")},
    )


def _with_answers(row: Cells) -> OpenItem:
    answers, metadata = accepted_answers(lookup(row, "answer"), None)
    return OpenItem(question=_text(row, "question"), answers=answers, metadata=metadata)


def _winogrande(row: Cells) -> ChoiceItem:
    return ChoiceItem(
        question=f"What fills the blank? {_text(row, 'sentence')}",
        choices=(_text(row, "option1"), _text(row, "option2")),
        right=_position(_text(row, "answer"), ("1", "2")),
    )


_CHOICE_FIRST = (Kind.CHOICE, Kind.OPEN)
_OPEN = (Kind.OPEN,)
_CHOICE = (Kind.CHOICE,)
_LABELLED = ("choices.label", "choices.text", "answerKey", "id")

MAPPINGS: dict[str, HubMapping] = {
    "mmlu": HubMapping(
        path="cais/mmlu",
        config="all",
        split="test",
        few_shot="dev",
        kinds=_CHOICE_FIRST,
        columns=("question", "subject", "choices", "answer"),
        read=_mmlu,
    ),
    "arc": HubMapping(
        path="allenai/ai2_arc",
        config="ARC-Challenge",
        split="test",
        kinds=_CHOICE_FIRST,
        columns=("question", *_LABELLED),
        read=_arc,
    ),
    "openbookqa": HubMapping(
        path="allenai/openbookqa",
        config="main",
        split="test",
        kinds=_CHOICE_FIRST,
        columns=("question_stem", *_LABELLED),
        read=_openbookqa,
    ),
    "sciq": HubMapping(
        path="allenai/sciq",
        split="test",
        kinds=_CHOICE_FIRST,
        columns=("question", "correct_answer", "distractor1", "distractor2", "distractor3"),
        read=_sciq,
    ),
    "commonsense_qa": HubMapping(
        path="tau/commonsense_qa",
        split="validation",  # the test split has no answers
        kinds=_CHOICE_FIRST,
        columns=("question", "question_concept", *_LABELLED),
        read=_commonsense_qa,
    ),
    "boolq": HubMapping(
        path="google/boolq",
        split="validation",
        kinds=_CHOICE,
        columns=("question", "passage", "answer"),
        read=_boolq,
    ),
    "truthful_qa": HubMapping(
        path="truthfulqa/truthful_qa",
        config="generation",
        split="validation",
        kinds=_OPEN,
        columns=("question", "category", "best_answer", "correct_answers", "incorrect_answers"),
        read=_truthful_qa,
    ),
    "truthful_qa_mc": HubMapping(
        path="truthfulqa/truthful_qa",
        config="multiple_choice",
        split="validation",
        kinds=_CHOICE,
        columns=("question", "mc1_targets.choices", "mc1_targets.labels"),
        read=_truthful_qa_mc,
    ),
    "trivia_qa": HubMapping(
        path="mandarjoshi/trivia_qa",
        config="rc.nocontext",
        split="validation",
        kinds=_OPEN,
        columns=("question", "question_id", "answer.value", "answer.aliases"),
        read=_trivia_qa,
    ),
    "nq_open": HubMapping(
        path="google-research-datasets/nq_open",
        split="validation",
        kinds=_OPEN,
        columns=("question", "answer"),
        read=_with_answers,
    ),
    "winogrande": HubMapping(
        path="allenai/winogrande",
        config="winogrande_xl",
        split="validation",  # the test split has no answers
        kinds=_CHOICE,
        columns=("sentence", "option1", "option2", "answer"),
        read=_winogrande,
    ),
    "gsm8k": HubMapping(
        path="openai/gsm8k",
        config="main",
        split="test",
        kinds=_OPEN,
        columns=("question", "answer"),
        read=_with_answers,
    ),
}
