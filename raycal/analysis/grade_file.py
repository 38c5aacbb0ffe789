"""Grade anybody's predictions: a JSONL, JSON, CSV or Parquet file with a column of replies and one of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raycal.grading import MATCH_VERSION, Grade, Reason, match
from raycal.questions.cells import accepted_answers, is_missing, lookup, text_of
from raycal.questions.choices import AlwaysFirst, NamedChoices, first_positions
from raycal.questions.question import Kind, QuestionError
from raycal.questions.readers import open_rows


@dataclass(frozen=True)
class GradedRow:
    """A row's grade; `location` is the file and its line, or its row in formats without lines, from 1."""

    location: str
    grade: Grade


@dataclass(frozen=True)
class BadRow:
    """A row that could not be graded, and why. It counts neither as correct nor as wrong."""

    location: str
    reason: str


@dataclass(frozen=True)
class GradeReport:
    """Every row of a file, graded or bad, in its order; notes: what else there is to know, in sentences."""

    file: str
    graded: tuple[GradedRow, ...]
    bad: tuple[BadRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many rows were graded."""
        return len(self.graded)

    @property
    def correct(self) -> int:
        """How many of them are correct."""
        return sum(row.grade.correct is True for row in self.graded)

    @property
    def accuracy(self) -> float | None:
        """The share of the graded rows that is correct, in [0, 1]; None where none was graded."""
        return self.correct / self.n if self.graded else None

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-serialisable data."""
        return {
            "file": self.file,
            "grader": f"match {MATCH_VERSION}",
            "n": self.n,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "bad": [asdict(row) for row in self.bad],
            "notes": list(self.notes),
            "rows": [{"location": row.location, **asdict(row.grade)} for row in self.graded],
        }


def grade_file(
    path: Path,
    *,
    prediction: str,
    answers: str,
    choices: str | None = None,
    positions_from: int | None = None,
) -> GradeReport:
    """Grade a file's rows with the match grader (`raycal.grading.match`).

    `prediction` names the column of the model's replies. The `answers` column holds a text, a list of texts, or such a
    list spelt as JSON or as Python's literal; a final "#### answer" counts alone. With `choices`, a column of lists,
    rows are multiple choice, and an answer is a choice's text, label, letter or position, or a mask of 0 and 1.
    `positions_from` is the first choice's position, 0 or 1; None: as the whole file shows. Dotted names reach into
    nested columns. A row without a reply is wrong: CSV cannot tell a missing one from an empty one.

    Raises QuestionSourceError for a file that is missing, empty, of unknown format, or without one of the columns.
    """
    file = open_rows(path)
    for column in (prediction, answers, choices):
        if column is not None:
            file.check_column(column)
    counted_from: tuple[int, ...] = ()
    if choices is not None:
        counted_from = first_positions(open_rows(path).rows, choices, answers, stated=positions_from)
    graded: list[GradedRow] = []
    bad: list[BadRow] = []
    always_first = AlwaysFirst()
    for row in file.rows:
        location = f"{path.name}:{row.number}"
        try:
            values = row.cells()
            if choices is None:
                grade = match(_reply(values, prediction), _accepted(values, answers), kind=Kind.OPEN)
            else:
                named = NamedChoices.of(values, choices, answers)
                right = named.right(counted_from)
                always_first.add(named.choices, right)
                grade = match(_reply(values, prediction), right, kind=Kind.CHOICE, choices=named.choices)
            graded.append(GradedRow(location, grade))
        except QuestionError as error:
            bad.append(BadRow(location, str(error)))
    empty = sum(row.grade.reason == Reason.EMPTY for row in graded)
    notes = (f"replies without an answer, which count as wrong: {empty:,}",) if empty else ()
    return GradeReport(str(path), tuple(graded), tuple(bad), notes + always_first.notes(path.name))


def _reply(values: Mapping[str, Any], column: str) -> str:
    reply = lookup(values, column)
    return "" if is_missing(reply) else text_of(reply)


def _accepted(values: Mapping[str, Any], column: str) -> tuple[str, ...]:
    answer = lookup(values, column)
    if is_missing(answer):
        raise QuestionError(f"the row has no {column!r}")
    accepted, _ = accepted_answers(answer, None)
    if not accepted:
        raise QuestionError(f"{column!r} holds no accepted answer")
    return accepted
