"""The stage that grades answers: ANSWERS and QUESTIONS in, GRADES out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from raycal.errors import RaycalError
from raycal.experiment.run import Run
from raycal.grading.grader import AnsweredQuestion, Grader, ImportedGrader, JudgeModel, ModelGrader, PureGrader
from raycal.grading.human import HumanGrade
from raycal.inference.tasks import BatchReport, Row
from raycal.stages.judges import YesNoJudge, ask_judge, equivalence_is_judged, judging_model
from raycal.store.keys import digest, safe_name
from raycal.store.locations import Location
from raycal.store.schemas import Table

_SHARD_ROWS = 8192

_UNGRADED = """
    SELECT asked.key, asked.answer_key, asked.question_id,
           answers.text AS answer, question, choices, questions.answers AS accepted,
           answerable, ? AS grader
    FROM asked
    JOIN answers ON answers.key = asked.answer_key
    JOIN questions ON questions.key = asked.question_id
    WHERE answers.error IS NULL
      AND asked.key NOT IN (SELECT key FROM grades WHERE grades.error IS NULL)
    ORDER BY asked.key
"""

_GRADES_OF_ANSWERS = """
    SELECT asked.answer_key, graded.key IS NOT NULL AS is_graded, graded.correct
    FROM asked
    JOIN answers ON answers.key = asked.answer_key
    LEFT JOIN (SELECT key, correct FROM grades WHERE error IS NULL) AS graded ON graded.key = asked.key
    WHERE answers.error IS NULL
"""


class GraderError(RaycalError, RuntimeError):
    """A grader does not keep to the protocol; the message says how."""


def grader_name(run: Run, grader: Grader) -> str:
    """A grader's name in GRADES: all that determines its grades beside the question and the answer.

    Raises ModelError and AdapterError where there is no such judge.
    """
    match grader:
        case ModelGrader():
            reading = run.recipe_for(grader.model)
            return grader.key_name(reading.model, reading.style)
        case PureGrader() | ImportedGrader():
            return grader.key_name
        case _:
            raise GraderError(
                f"{type(grader).__name__} is no grader of a known kind: derive it from PureGrader, ModelGrader or "
                "ImportedGrader"
            )


def grade_keys(run: Run, grader: Grader) -> pa.Table:
    """`run.asked` with the key of each question's grade."""
    name = grader_name(run, grader)
    return run.keyed(lambda row: digest(name, row["answer_key"], row["accepted"]))


def grades_of(run: Run, grader: Grader) -> dict[str, bool | None]:
    """A grader's grades by answer key; None where it could not decide."""
    return {key: correct for key, (is_graded, correct) in _grades_of_answers(run, grader).items() if is_graded}


def answered_keys(run: Run) -> Collection[str]:
    """The keys of the run's answers, those that failed left out."""
    return _grades_of_answers(run, run.experiment.grade.graders[0]).keys()


def grade_shards(run: Run, grader: Grader) -> list[Location]:
    """The shards that a grader's grades are in."""
    return run.store.shards(Table.GRADES, _partition(run, grader))


def _grades_of_answers(run: Run, grader: Grader) -> Mapping[str, tuple[bool, bool | None]]:
    """Of every answer, whether the grader has graded it, and its grade."""
    shards = run.shards | {Table.GRADES: grade_shards(run, grader)}

    def read() -> dict[str, tuple[bool, bool | None]]:
        rows = run.store.rows(_GRADES_OF_ANSWERS, shards=shards, extra={"asked": grade_keys(run, grader)})
        return {row["answer_key"]: (row["is_graded"], row["correct"]) for row in rows}

    sources = [*shards[Table.ANSWERS], *shards[Table.GRADES]]
    return run.index.get(("grades", grader_name(run, grader)), sources, read)


def grade_by_rules(run: Run, grader: PureGrader) -> int:
    """Grade the answers that have no grade by a grader yet; returns how many that were. Raises GraderError."""

    def grade(rows: Sequence[Row]) -> list[Row | None]:
        grades = grader.grade([_question(row) for row in rows])
        if len(grades) != len(rows):
            raise GraderError(f"the grader {grader.label} gave {len(grades)} grades for {len(rows)} answers")
        return [
            {"correct": grade.correct, "extracted": grade.extracted, "reason": grade.explanation} for grade in grades
        ]

    return _write_grades(run, grader, grade)


def write_human_grades(run: Run, grader: ImportedGrader, grades: Mapping[str, HumanGrade]) -> int:
    """Write grades by answer key, those of answers that have such a grade left out; returns how many are new."""

    def grade(row: Row) -> Row | None:
        known = grades.get(row["answer_key"])
        return {"correct": known.correct, "extracted": row["answer"], "reason": known.location} if known else None

    return _write_grades(run, grader, lambda rows: [grade(row) for row in rows])


def _write_grades(run: Run, grader: Grader, grade: Callable[[Sequence[Row]], Sequence[Row | None]]) -> int:
    todo = ungraded(run, grader)
    written = 0
    for start in range(0, len(todo), _SHARD_ROWS):
        rows = todo.slice(start, _SHARD_ROWS).to_pylist()
        graded = [_identity(row) | columns for row, columns in zip(rows, grade(rows), strict=True) if columns]
        run.store.write(Table.GRADES, _partition(run, grader), graded)
        written += len(graded)
    return written


def grade_by_judge(run: Run, grader: ModelGrader, todo: pa.Table) -> Iterator[BatchReport]:
    """Have a model judge answers (those of `ungraded`); yields progress batch by batch. Raises as `ask_judge` does."""
    return ask_judge(run, grader, answer_judge(grader, _partition(run, grader)), todo)


def answer_judge(grader: ModelGrader, partition: str) -> YesNoJudge:
    """The task of asking a judge whether answers are correct; rows go to GRADES."""
    return YesNoJudge(
        Table.GRADES,
        partition,
        prompt=lambda row: grader.conversation(_question(row)),
        read=grader.verdict,
        columns=lambda row: _identity(row) | {"extracted": row["answer"]},
        verdict_column="correct",
        reply_column="reason",
    )


def ungraded(run: Run, grader: Grader) -> pa.Table:
    """The answers that a grader has not graded yet, with their questions, in the order of their keys."""
    if all(is_graded for is_graded, _ in _grades_of_answers(run, grader).values()):
        return pa.table({})
    shards = run.shards | {Table.GRADES: grade_shards(run, grader)}
    extra = {"asked": grade_keys(run, grader)}
    return run.store.arrow(_UNGRADED, [grader_name(run, grader)], shards=shards, extra=extra)


def grading_record(run: Run) -> dict[str, Any]:
    """Who graded, and who judged equivalence, as the run's record has it: a judge with its model.

    self_judged: whether that is the model under test.
    """

    def judged_by(judge: JudgeModel) -> dict[str, Any]:
        model = judging_model(run, judge)
        return {"judge": str(model), "self_judged": model == run.recipe.model}

    no_judge = {"judge": None, "self_judged": False}
    graders = [
        {"label": grader.label, "grader": grader_name(run, grader)}
        | (judged_by(grader) if isinstance(grader, ModelGrader) else no_judge)
        for grader in run.experiment.grade.graders
    ]
    equivalence = judged_by(run.experiment.equivalence_judge) if equivalence_is_judged(run) else None
    return {"graders": graders, "equivalence": equivalence}


def grades_folder(run: Run, grader: Grader) -> Location:
    """Where a grader's grades are."""
    return run.store.folder(Table.GRADES, _partition(run, grader))


def _partition(run: Run, grader: Grader) -> str:
    return f"{safe_name(grader.grader)}-{digest(grader_name(run, grader))[:12]}"


def _identity(row: Row) -> Row:
    return {name: row[name] for name in ("key", "answer_key", "question_id", "grader")}


def _question(row: Row) -> AnsweredQuestion:
    answerable = row.get("answerable") is not False  # null of releases that knew no others
    accepted, choices = tuple(row["accepted"]), tuple(row["choices"] or ())
    return AnsweredQuestion(row["question"], choices, accepted, row["answer"], answerable)
