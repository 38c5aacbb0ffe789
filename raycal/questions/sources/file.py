"""Questions in a JSONL, JSON, CSV or Parquet file of any columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import Field

from raycal.questions.choices import first_positions
from raycal.questions.columns import ColumnReader, Columns
from raycal.questions.question import Question, QuestionError
from raycal.questions.readers import open_rows
from raycal.questions.rows import Attempt, QuestionSourceError, Row, Unreadable
from raycal.questions.sources.base import SOURCES, QuestionSource
from raycal.store.locations import expand_home


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
    for setting, column in source.columns.named():
        file.check_column(column, f"columns.{setting}")
    return _attempts(source, islice(file.rows, source.limit))


def _attempts(source: QuestionFile, rows: Iterator[Row | Unreadable]) -> Iterator[Attempt]:
    columns = source.columns
    counted_from: tuple[int, ...] = ()
    if columns.choices is not None:
        counted_from = first_positions(
            open_rows(source.path).rows,
            columns.choices,
            columns.answers,
            separator=source.answer_separator,
            stated=source.positions_from,
        )
    reader = ColumnReader(
        dataset=source.dataset_name, columns=columns, counted_from=counted_from, separator=source.answer_separator
    )
    for row in rows:
        outcome: Question | QuestionError
        try:
            outcome = reader.question(row.cells())
        except QuestionError as error:
            outcome = error
        raw = row.values if isinstance(row, Row) else row.raw
        yield Attempt(
            dataset=source.dataset_name, location=f"{source.path.name}:{row.number}", raw=raw, outcome=outcome
        )


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
