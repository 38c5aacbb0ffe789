"""The rows that loaders read, rows that cannot be read, and errors of whole sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raycal.errors import RaycalError
from raycal.questions.question import Question, QuestionError

_RAW_LENGTH = 200


class QuestionSourceError(RaycalError, ValueError):
    """A source that cannot be loaded; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Row:
    """One record of a table; `number` is its line in a text format and its row elsewhere, both from 1."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Unreadable:
    """A record that the format's parser refused."""

    number: int
    error: str
    raw: str


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
