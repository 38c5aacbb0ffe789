"""Questions in a JSONL, JSON, CSV or Parquet file of any columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import Field

from raycal.questions.columns import ColumnReader, Columns
from raycal.questions.readers import open_rows
from raycal.questions.rows import Attempt
from raycal.questions.sources.base import SOURCES, OwnDataset, QuestionSource
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

    def own_dataset(self) -> OwnDataset:
        """See QuestionSource."""
        return OwnDataset(self.dataset_name, is_named=self.dataset is not None, place=str(self.path))

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
    reader = ColumnReader(
        dataset=source.dataset_name,
        columns=source.columns,
        separator=source.answer_separator,
        positions_from=source.positions_from,
    )
    return reader.attempts(
        islice(file.rows, source.limit),
        again=lambda: open_rows(source.path).rows,
        location=lambda number: f"{source.path.name}:{number}",
    )
