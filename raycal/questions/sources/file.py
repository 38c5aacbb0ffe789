"""Questions in a JSONL, JSON, CSV or Parquet file of any columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from raycal.config.section import Section
from raycal.questions.cells import accepted_answers, is_missing, lookup, text_of
from raycal.questions.choices import NamedChoices, first_positions
from raycal.questions.question import Kind, Question, QuestionError, split_of
from raycal.questions.readers import open_rows
from raycal.questions.rows import Attempt, QuestionSourceError, Row, Unreadable
from raycal.questions.sources.base import SOURCES, QuestionSource
from raycal.store.locations import expand_home


class Columns(Section):
    """Which column of a file holds what. A dotted name reaches into nested columns."""

    question: str = "question"
    answers: str = "answer"  # a text, a list of texts; of choices also a label, a letter, a position or a mask
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
    positions_from: int | None = Field(None, ge=0, le=1)  # of choices; None: as the whole file shows
    limit: int | None = Field(None, ge=1)

    def attempts(self) -> Iterator[Attempt]:
        """See QuestionSource, and `load`."""
        return load(self)

    @property
    def dataset_name(self) -> str:
        """The dataset of all of its questions."""
        return self.dataset or self.path.stem

    def files(self) -> Sequence[Path]:
        """See QuestionSource."""
        return (expand_home(self.path),)


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
    columns = source.columns
    counted_from: tuple[int, ...] = ()
    if columns.choices is not None:
        counted_from = first_positions(
            source.path,
            columns.choices,
            columns.answers,
            separator=source.answer_separator,
            stated=source.positions_from,
        )
    for row in rows:
        outcome: Question | QuestionError
        try:
            outcome = _question(source, row.cells(), counted_from)
        except QuestionError as error:
            outcome = error
        raw = row.values if isinstance(row, Row) else row.raw
        yield Attempt(
            dataset=source.dataset_name, location=f"{source.path.name}:{row.number}", raw=raw, outcome=outcome
        )


def _question(source: QuestionFile, values: Mapping[str, Any], counted_from: tuple[int, ...]) -> Question:
    columns = source.columns
    question = text_of(_cell(values, columns.question))
    metadata: dict[str, Any] = {}
    choices: tuple[str, ...] = ()
    if columns.choices is None:
        answers, metadata = accepted_answers(_cell(values, columns.answers), source.answer_separator)
    else:
        named = NamedChoices.of(values, columns.choices, columns.answers)
        choices, answers = named.choices, named.right(counted_from, source.answer_separator)
    given_id = _optional(values, columns.id)
    if given_id:
        metadata = {"id": given_id, **metadata}
    return Question(
        dataset=source.dataset_name,
        kind=Kind.CHOICE if choices else Kind.OPEN,
        question=question,
        answers=answers,
        choices=choices,
        subject=_optional(values, columns.subject),
        split=split_of(question),
        metadata=metadata,
    )


def _cell(values: Mapping[str, Any], column: str) -> Any:
    cell = lookup(values, column)
    if is_missing(cell):
        raise QuestionError(f"the column {column!r} is missing or empty")
    return cell


def _optional(values: Mapping[str, Any], column: str | None) -> str:
    cell = None if column is None else lookup(values, column)
    return "" if is_missing(cell) else text_of(cell)


def refuse_shared_names(sources: Sequence[QuestionSource]) -> None:
    """Raise QuestionSourceError where several files are one dataset only because they are called alike."""
    named: dict[str, QuestionFile] = {}
    for source in sources:
        if not isinstance(source, QuestionFile):
            continue
        other = named.setdefault(source.dataset_name, source)
        if other.path != source.path and None in {other.dataset, source.dataset}:
            raise QuestionSourceError(
                f"{other.path} and {source.path} would both be the dataset {source.dataset_name!r}: give each a "
                "dataset of its own, or both the same one"
            )
