"""The rows that loaders read, rows that cannot be read, and errors of whole sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raycal.errors import RaycalError
from raycal.questions.question import Question, QuestionError

# Bytes that are not UTF-8 travel as lone surrogates, so that they spoil their own row and not the whole file.
ENCODING = "utf-8-sig"
UNDECODABLE = "surrogateescape"
_RAW_LENGTH = 200


class QuestionSourceError(RaycalError, ValueError):
    """A source that cannot be loaded; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Row:
    """One record of a table; `number` is its line in a text format and its row elsewhere, both from 1."""

    number: int
    values: Mapping[str, Any]

    def cells(self) -> Mapping[str, Any]:
        """The values; see Unreadable."""
        return self.values


@dataclass(frozen=True)
class Unreadable:
    """A record that the format's parser refused."""

    number: int
    error: str
    raw: str

    def cells(self) -> Mapping[str, Any]:
        """Raise QuestionError: there are no values."""
        raise QuestionError(self.error)


Rows = Iterator[Row | Unreadable]


def refuse_repeated(path: Path, columns: Sequence[str]) -> None:
    """Raise QuestionSourceError where a file has two columns of one name: nobody knows which is meant."""
    repeated = next((name for name in columns if columns.count(name) > 1), None)
    if repeated is not None:
        raise QuestionSourceError(f"{path} has several columns {repeated!r}: rename all but one")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One row of a source, and the question that it became or the reason why it became none.

    `location` is the file and its line, or the dataset and its row ("nq.jsonl:17"); `raw` is anything whose `str`
    shows the row.
    """

    dataset: str
    location: str
    raw: object
    outcome: Question | QuestionError


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """A row that became no question: malformed, a duplicate, or without sense in the form that was asked for.

    `location` is as in Attempt, `error` is one sentence, `raw` is the start of the row's text.
    """

    dataset: str
    location: str
    error: str
    raw: str

    @classmethod
    def of(cls, attempt: Attempt, error: str) -> BadRow:
        raw = str(attempt.raw)
        if len(raw) > _RAW_LENGTH:
            raw = raw[: _RAW_LENGTH - 1] + "…"
        # The row may be bad because its text is not Unicode, and a store takes nothing else.
        storable = raw.encode("utf-8", "replace").decode()
        return cls(dataset=attempt.dataset, location=attempt.location, error=error, raw=storable)
