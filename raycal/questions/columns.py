"""Columns of anybody's rows, and the questions that rows become by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from raycal.config.section import Section
from raycal.questions.cells import accepted_answers, is_missing, is_true, lookup, present, text_of
from raycal.questions.choices import NamedChoices, first_positions
from raycal.questions.question import UNANSWERABLE, Kind, Question, QuestionError, split_of
from raycal.questions.rows import Attempt, Row, Rows


class Columns(Section):
    """Which column holds what. A dotted name reaches into nested columns."""

    question: str = "question"
    answers: str = "answer"  # a text, a list of texts; of choices also a label, a letter, a position or a mask
    choices: str | tuple[str, ...] | None = None  # one column that holds a list, or one column a choice
    subject: str | None = None
    id: str | None = None  # kept as metadata
    answerable: str | None = None  # true or false; where false, right is to say that there is no answer

    @property
    def kind(self) -> Kind:
        """How the questions are to be answered."""
        return Kind.OPEN if self.choices is None else Kind.CHOICE

    def named(self) -> Iterator[tuple[str, str]]:
        """Every setting with a column that it names."""
        for setting, columns in self:
            for column in (columns,) if isinstance(columns, str) else columns or ():
                yield setting, column


@dataclass(frozen=True, kw_only=True)
class ColumnReader:
    """How the rows of a dataset become questions."""

    dataset: str
    columns: Columns
    separator: str | None = None  # splits one text into several accepted answers
    positions_from: int | None = None  # of choices; None: as all rows show

    def attempts(self, rows: Rows, again: Callable[[], Rows], location: Callable[[int], str]) -> Iterator[Attempt]:
        """Rows as questions; again: all rows of the source, from its start. location: what a row is called."""
        counted_from: tuple[int, ...] = ()
        if self.columns.choices is not None:
            counted_from = first_positions(
                again(),
                self.columns.choices,
                self.columns.answers,
                separator=self.separator,
                stated=self.positions_from,
            )
        for row in rows:
            outcome: Question | QuestionError
            try:
                outcome = self._question(row.cells(), counted_from)
            except QuestionError as error:
                outcome = error
            raw = row.values if isinstance(row, Row) else row.raw
            yield Attempt(dataset=self.dataset, location=location(row.number), raw=raw, outcome=outcome)

    def _question(self, values: Mapping[str, Any], counted_from: tuple[int, ...]) -> Question:
        columns = self.columns
        question = text_of(present(values, columns.question))
        given_id = _optional(values, columns.id)
        answerable = columns.answerable is None or is_true(values, columns.answerable)
        metadata: dict[str, Any] = {}
        choices: tuple[str, ...] = ()
        if not answerable:
            answers = UNANSWERABLE
        elif columns.choices is None:
            answers, metadata = accepted_answers(present(values, columns.answers), self.separator)
        else:
            named = NamedChoices.of(values, columns.choices, columns.answers)
            choices, answers = named.choices, named.right(counted_from, self.separator)
        return Question(
            dataset=self.dataset,
            kind=columns.kind,
            question=question,
            answers=answers,
            choices=choices,
            subject=_optional(values, columns.subject),
            split=split_of(question),
            metadata={"id": given_id, **metadata} if given_id else metadata,
            answerable=answerable,
        )


def _optional(values: Mapping[str, Any], column: str | None) -> str:
    cell = None if column is None else lookup(values, column)
    return "" if is_missing(cell) else text_of(cell)
