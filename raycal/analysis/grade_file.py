"""Grade anybody's predictions: a JSONL, JSON, CSV or Parquet file with a column of replies and one of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raycal.grading import MATCH_VERSION, Grade, match
from raycal.questions.cells import MISSING, accepted_answers, json_list, lookup, right_choices, text_of
from raycal.questions.question import Kind, QuestionError
from raycal.questions.readers import open_rows
from raycal.questions.rows import Unreadable


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
    """Every row of a file, graded or bad, in its order."""

    file: str
    graded: tuple[GradedRow, ...]
    bad: tuple[BadRow, ...]

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
            "rows": [{"location": row.location, **asdict(row.grade)} for row in self.graded],
        }


def grade_file(path: Path, *, prediction: str, answers: str, choices: str | None = None) -> GradeReport:
    """Grade a file's rows with the match grader (`raycal.grading.match`).

    `prediction` names the column of the model's replies. The `answers` column holds a text, a list of texts, or such a
    list spelt as JSON; a final "#### answer" counts alone. With `choices`, a column of lists, rows are multiple choice
    and an answer is a choice's text, letter or 0-based index. Dotted names reach into nested columns. Raises
    QuestionSourceError for a file that is missing, empty, of unknown format, or without one of the columns.
    """
    file = open_rows(path)
    for column in (prediction, answers, choices):
        if column is not None:
            file.check_column(column)
    graded: list[GradedRow] = []
    bad: list[BadRow] = []
    for row in file.rows:
        location = f"{path.name}:{row.number}"
        try:
            if isinstance(row, Unreadable):
                raise QuestionError(row.error)
            graded.append(GradedRow(location, _grade(row.values, prediction, answers, choices)))
        except QuestionError as error:
            bad.append(BadRow(location, str(error)))
    return GradeReport(str(path), tuple(graded), tuple(bad))


def _grade(values: Mapping[str, Any], prediction: str, answers: str, choices: str | None) -> Grade:
    reply, answer = lookup(values, prediction), lookup(values, answers)
    for column, cell in ((prediction, reply), (answers, answer)):
        if cell is None or cell is MISSING:
            raise QuestionError(f"the row has no {column!r}")
    if choices is None:
        accepted, _ = accepted_answers(json_list(answer), None)
        if not accepted:
            raise QuestionError(f"{answers!r} holds no accepted answer")
        return match(text_of(reply), accepted, kind=Kind.OPEN)
    cell = json_list(lookup(values, choices))
    if not isinstance(cell, list) or not cell:
        raise QuestionError(f"{choices!r} holds no list of choices")
    listed = tuple(text_of(choice) for choice in cell)
    return match(text_of(reply), right_choices(json_list(answer), listed, None), kind=Kind.CHOICE, choices=listed)
