"""Columns of anybody's rows, and the questions that rows become by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from raycal.config.section import Section
from raycal.questions.cells import accepted_answers, is_missing, lookup, text_of
from raycal.questions.choices import NamedChoices
from raycal.questions.question import UNANSWERABLE, Kind, Question, QuestionError, split_of

_TRUE = frozenset({"yes", "true", "1"})
_FALSE = frozenset({"no", "false", "0"})


class Columns(Section):
    """Which column holds what. A dotted name reaches into nested columns."""

    question: str = "question"
    answers: str = "answer"  # a text, a list of texts; of choices also a label, a letter, a position or a mask
    choices: str | tuple[str, ...] | None = None  # one column that holds a list, or one column a choice
    subject: str | None = None
    id: str | None = None  # kept as metadata
    answerable: str | None = None  # true or false; where false, right is to say that there is no answer

    def named(self) -> Iterator[tuple[str, str]]:
        """Every setting with a column that it names."""
        for setting, columns in self:
            for column in (columns,) if isinstance(columns, str) else columns or ():
                yield setting, column


@dataclass(frozen=True, kw_only=True)
class ColumnReader:
    """How a row becomes a question of a dataset; counted_from: from which numbers positions of choices may count."""

    dataset: str
    columns: Columns
    counted_from: tuple[int, ...] = ()
    separator: str | None = None  # splits one text into several accepted answers

    def question(self, values: Mapping[str, Any]) -> Question:
        """A row as a question; QuestionError where it is none."""
        columns = self.columns
        question = text_of(_cell(values, columns.question))
        given_id = _optional(values, columns.id)
        answerable = columns.answerable is None or _is_true(values, columns.answerable)
        metadata: dict[str, Any] = {}
        choices: tuple[str, ...] = ()
        if not answerable:
            answers = UNANSWERABLE
        elif columns.choices is None:
            answers, metadata = accepted_answers(_cell(values, columns.answers), self.separator)
        else:
            named = NamedChoices.of(values, columns.choices, columns.answers)
            choices, answers = named.choices, named.right(self.counted_from, self.separator)
        return Question(
            dataset=self.dataset,
            kind=Kind.OPEN if columns.choices is None else Kind.CHOICE,
            question=question,
            answers=answers,
            choices=choices,
            subject=_optional(values, columns.subject),
            split=split_of(question),
            metadata={"id": given_id, **metadata} if given_id else metadata,
            answerable=answerable,
        )


def _cell(values: Mapping[str, Any], column: str) -> Any:
    cell = lookup(values, column)
    if is_missing(cell):
        raise QuestionError(f"the column {column!r} is missing or empty")
    return cell


def _optional(values: Mapping[str, Any], column: str | None) -> str:
    cell = None if column is None else lookup(values, column)
    return "" if is_missing(cell) else text_of(cell)


def _is_true(values: Mapping[str, Any], column: str) -> bool:
    text = text_of(_cell(values, column)).lower()
    if text not in _TRUE | _FALSE:
        raise QuestionError(f"the column {column!r} is {text!r}: write true or false")
    return text in _TRUE
