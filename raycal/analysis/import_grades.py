"""People's grades of a run's answers, from a file of any columns into GRADES."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raycal.analysis.graded_cells import verdict_of
from raycal.errors import RaycalError
from raycal.experiment.run import Run
from raycal.grading.human import Human, HumanGrade
from raycal.questions.cells import lookup, text_of
from raycal.questions.question import QuestionError
from raycal.questions.readers import RowFile, open_rows
from raycal.stages.answers import GradedAnswer, answered
from raycal.stages.grade import grades_folder, write_human_grades
from raycal.store.locations import Location

_HUMAN = Human()
# What identifies an answer, the surest first: names of GradeColumns and of AnsweredQuestion alike.
_IDENTIFYING = (("answer_key",), ("question_id", "answer"), ("question", "answer"))


class ImportGradedError(RaycalError, ValueError):
    """A file whose grades cannot be taken over; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class GradeColumns:
    """Which column of a file holds what. One that is named otherwise than here must be there."""

    correct: str = "correct"
    answer_key: str = "answer_key"
    question_id: str = "question_id"
    question: str = "question"
    answer: str = "answer"  # finds the answer together with the question's id or text


@dataclass(frozen=True)
class RefusedRow:
    """A row whose grade was not taken over, and why; `location` is the file and its line, or row without lines."""

    location: str
    reason: str


@dataclass(frozen=True)
class ImportReport:
    """What became of a file: answers with a new grade and with one that was known, rows without a grade and refused.

    used: whether human is among the experiment's graders.
    """

    file: str
    new: int
    known: int
    blank: int
    refused: tuple[RefusedRow, ...]
    used: bool

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-serialisable data."""
        return asdict(self)


def import_graded(run: Run, path: Path, columns: GradeColumns | None = None) -> ImportReport:
    """Take over a JSONL, JSON, CSV or Parquet file's grades of the run's answers, as those of the human grader.

    A row names its answer by its key, or by the question's id or text together with the answer's text: by the first of
    these that the file has. `correct` holds true/false, yes/no or 1/0, in any case; where it is empty, the row has no
    grade. A row is refused where it is malformed, fits no answer or several, or contradicts another row or an earlier
    import, because what is in the store is never edited.

    Raises QuestionSourceError for a file that is missing, empty, of unknown format or without a column that was named,
    and ImportGradedError for one of which no grade can be taken over.
    """
    columns = columns or GradeColumns()
    file = open_rows(path)
    identifying = _identifying(columns, file)
    answers = answered(run, run.experiment.splits, _HUMAN)
    fitting: dict[tuple[str, ...], list[GradedAnswer]] = defaultdict(list)
    for answer in answers:
        fitting[tuple(text_of(getattr(answer, name)) for name in identifying)].append(answer)

    grades_of_answer: dict[str, list[HumanGrade]] = defaultdict(list)
    refused: list[RefusedRow] = []
    blank = 0
    for row in file.rows:
        location = f"{path.name}:{row.number}"
        try:
            values = row.cells()
            correct = verdict_of(lookup(values, columns.correct), columns.correct)
            if correct is None:
                blank += 1
                continue
            identity = tuple(text_of(lookup(values, getattr(columns, name))) for name in identifying)
            grades_of_answer[_the_one(fitting, identity).answer_key].append(HumanGrade(correct, location))
        except QuestionError as error:
            refused.append(RefusedRow(location, str(error)))

    earlier = {answer.answer_key: answer.correct for answer in answers}
    taken, contradicting = _reconciled(grades_of_answer, earlier, grades_folder(run, _HUMAN))
    refused += contradicting
    if not taken:
        why = f", the first {refused[0].location}: {refused[0].reason}" if refused else ""
        raise ImportGradedError(
            f"{path} has no grade to take over: {blank:,} rows are without one, {len(refused):,} are refused{why}"
        )
    new = write_human_grades(run, _HUMAN, taken)
    used = any(isinstance(grader, Human) for grader in run.experiment.grade.graders)
    return ImportReport(str(path), new, len(taken) - new, blank, tuple(refused), used)


def _identifying(columns: GradeColumns, file: RowFile) -> tuple[str, ...]:
    """The fields that find the answers; raises where the file lacks a column that it needs."""
    usual = asdict(GradeColumns())
    for field, column in asdict(columns).items():
        if field == "correct" or column != usual[field]:
            file.check_column(column)
    for fields in _IDENTIFYING:
        if all(getattr(columns, field) in file.columns for field in fields):
            return fields
    raise ImportGradedError(
        f"{file.path} does not say which answers it grades: it needs a column {columns.answer_key!r}, or a column "
        f"{columns.question_id!r} or {columns.question!r} beside {columns.answer!r}, and has "
        f"{', '.join(sorted(file.columns))}"
    )


def _the_one(fitting: Mapping[tuple[str, ...], Sequence[GradedAnswer]], identity: tuple[str, ...]) -> GradedAnswer:
    answers = fitting.get(identity, ())
    shown = " / ".join(identity)
    if not answers:
        raise QuestionError(f"the run has no answer {shown!r}")
    if len(answers) > 1:
        keys = ", ".join(answer.answer_key for answer in answers)
        raise QuestionError(f"{len(answers)} answers of the run are {shown!r}: name one by its answer_key ({keys})")
    return answers[0]


def _reconciled(
    grades_of_answer: Mapping[str, Sequence[HumanGrade]], earlier: Mapping[str, bool | None], folder: Location
) -> tuple[dict[str, HumanGrade], list[RefusedRow]]:
    """One grade an answer, and the rows that contradict one another or what was imported earlier."""
    taken: dict[str, HumanGrade] = {}
    refused: list[RefusedRow] = []
    for key, grades in grades_of_answer.items():
        known = earlier[key]
        if len({grade.correct for grade in grades}) > 1:
            reason = "the file grades this answer as correct and as wrong"
        elif known is not None and known != grades[0].correct:
            reason = (
                f"an earlier import graded this answer as {'correct' if known else 'wrong'}, and what is in the store "
                f"is not edited: to start over, delete {folder} and import every file again"
            )
        else:
            taken[key] = grades[0]
            continue
        refused += [RefusedRow(grade.location, reason) for grade in grades]
    return taken, refused
