"""Questions in a JSONL, JSON, CSV or Parquet file of any columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from raycal.config.section import Section
from raycal.questions.cells import (
    MISSING,
    accepted_answers,
    json_list,
    lookup,
    right_choices,
    text_of,
)
from raycal.questions.question import Kind, Question, QuestionError, split_of
from raycal.questions.readers import open_rows
from raycal.questions.rows import Attempt, Row, Unreadable
from raycal.questions.sources.base import SOURCES, QuestionSource


class Columns(Section):
    """Which column of a file holds what. A dotted name reaches into nested columns."""

    question: str = "question"
    answers: str = "answer"  # a text, a list of texts, a letter or an index into the choices
    choices: str | tuple[str, ...] | None = None  # one column that holds a list, or one column a choice
    subject: str | None = None
    id: str | None = None  # kept as metadata


@SOURCES.register("file")
class QuestionFile(QuestionSource):
    """Questions in a JSONL, JSON, CSV or Parquet file of any columns."""

    source: Literal["file"]
    path: Path
    dataset: str | None = None  # None: the file's name
    columns: Columns = Columns()
    answer_separator: str | None = None  # splits one text into several accepted answers
    limit: int | None = Field(None, ge=1)

    def attempts(self) -> Iterator[Attempt]:
        """See QuestionSource, and `load`."""
        return load(self)

    def files(self) -> Sequence[Path]:
        """See QuestionSource."""
        return (self.path,)


def load(source: QuestionFile) -> Iterator[Attempt]:
    """The file's questions in its own order; `limit` takes its first rows, malformed ones among them.

    QuestionSourceError for a file that is missing, empty, of an unknown format or without a column that is asked for.
    """
    file = open_rows(source.path)
    for setting, column in _columns(source.columns):
        file.check_column(column, f"columns.{setting}")
    return _attempts(source, islice(file.rows, source.limit))


def _columns(columns: Columns) -> Iterator[tuple[str, str]]:
    for setting, named in columns:
        for column in (named,) if isinstance(named, str) else named or ():
            yield setting, column


def _attempts(source: QuestionFile, rows: Iterator[Row | Unreadable]) -> Iterator[Attempt]:
    dataset = source.dataset or source.path.stem
    for row in rows:
        outcome: Question | QuestionError
        try:
            if isinstance(row, Unreadable):
                raise QuestionError(row.error)
            outcome = _question(source, dataset, row)
        except QuestionError as error:
            outcome = error
        raw = row.values if isinstance(row, Row) else row.raw
        yield Attempt(dataset=dataset, location=f"{source.path.name}:{row.number}", raw=raw, outcome=outcome)


def _question(source: QuestionFile, dataset: str, row: Row) -> Question:
    columns = source.columns
    question = text_of(_cell(row, columns.question))
    answer = _list_cell(source, row, columns.answers)
    metadata: dict[str, Any] = {}
    choices: tuple[str, ...] = ()
    if columns.choices is None:
        answers, metadata = accepted_answers(answer, source.answer_separator)
    else:
        choices = _choices(source, row, columns.choices)
        answers = right_choices(answer, choices, source.answer_separator)
    given_id = _optional(row, columns.id)
    if given_id:
        metadata = {"id": given_id, **metadata}
    return Question(
        dataset=dataset,
        kind=Kind.CHOICE if choices else Kind.OPEN,
        question=question,
        answers=answers,
        choices=choices,
        subject=_optional(row, columns.subject),
        split=split_of(question),
        metadata=metadata,
    )


def _choices(source: QuestionFile, row: Row, columns: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(columns, str):
        cells = _list_cell(source, row, columns)
        if not isinstance(cells, list):
            raise QuestionError(f"the column {columns!r} holds no list of choices")
    else:
        cells = [lookup(row.values, column) for column in columns]
    # A wide file has blank cells after the last choice. One in between would move the positions that answers name.
    while cells and _is_blank(cells[-1]):
        cells = cells[:-1]
    if len(cells) < 2 or any(_is_blank(cell) for cell in cells):
        raise QuestionError("a choice question needs at least two choices, and none of them blank")
    return tuple(text_of(cell) for cell in cells)


def _is_blank(cell: Any) -> bool:
    return cell is MISSING or cell is None or (isinstance(cell, str) and not cell.strip())


def _cell(row: Row, column: str) -> Any:
    cell = lookup(row.values, column)
    if _is_blank(cell):
        raise QuestionError(f"the column {column!r} is missing or empty")
    return cell


def _optional(row: Row, column: str | None) -> str:
    cell = MISSING if column is None else lookup(row.values, column)
    return "" if _is_blank(cell) else text_of(cell)


def _list_cell(source: QuestionFile, row: Row, column: str) -> Any:
    """A cell that may be a list, which a CSV file spells as JSON."""
    cell = _cell(row, column)
    return json_list(cell) if source.path.suffix.lower() == ".csv" else cell
