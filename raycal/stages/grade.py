"""The stage that grades answers: ANSWERS and QUESTIONS in, GRADES out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from raycal.experiment.config import Grader
from raycal.experiment.run import Run
from raycal.grading import MATCH_VERSION, VERDICT_TOKENS, match, parse_verdict
from raycal.inference.backend import GenerationError, TextBackend
from raycal.inference.backends import text_backend
from raycal.inference.runner import run_tasks
from raycal.inference.tasks import BatchReport, Row, TableRows, cost_columns, failed_columns, unless_written
from raycal.models.prompts import judge_prompt, template_name
from raycal.questions.question import Kind
from raycal.store.keys import digest
from raycal.store.locations import Location
from raycal.store.schemas import Table
from raycal.store.store import Store

_SHARD_ROWS = 8192

_UNGRADED = """
    SELECT asked.key, asked.answer_key, asked.question_id,
           answers.text AS answer, kind, question, choices, questions.answers AS accepted, ? AS grader
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


@dataclass(frozen=True)
class HumanGrade:
    """What a person said of an answer, and where: a file and its line or row."""

    correct: bool
    location: str


def grader_name(run: Run, grader: Grader) -> str:
    """A grader's name in GRADES: all that determines its grades beside the question and the answer."""
    if grader is Grader.MATCH:
        return f"match/{MATCH_VERSION}"
    if grader is Grader.HUMAN:
        return "human"
    prompt = template_name("judge", judge_prompt("{question}", ["{accepted}"], "{answer}"), run.recipe.style)
    return f"{prompt}/{run.recipe.model}"


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


def grade_by_match(run: Run) -> int:
    """Grade the answers that have no match grade yet; returns how many that were."""

    def grade(row: Row) -> Row:
        found = match(row["answer"], row["accepted"], kind=Kind(row["kind"]), choices=row["choices"])
        return {"correct": found.correct, "extracted": found.extracted, "reason": str(found.reason)}

    return _write_grades(run, Grader.MATCH, grade)


def write_human_grades(run: Run, grades: Mapping[str, HumanGrade]) -> int:
    """Write grades by answer key, those of answers that have a human grade left out; returns how many are new."""

    def grade(row: Row) -> Row | None:
        found = grades.get(row["answer_key"])
        return {"correct": found.correct, "extracted": row["answer"], "reason": found.location} if found else None

    return _write_grades(run, Grader.HUMAN, grade)


def _write_grades(run: Run, grader: Grader, grade: Callable[[Row], Row | None]) -> int:
    todo = ungraded(run, grader)
    written = 0
    for start in range(0, len(todo), _SHARD_ROWS):
        graded = ((row, grade(row)) for row in todo.slice(start, _SHARD_ROWS).to_pylist())
        rows = [_identity(row) | found for row, found in graded if found is not None]
        run.store.write(Table.GRADES, _partition(run, grader), rows)
        written += len(rows)
    return written


def grade_by_judge(run: Run, todo: pa.Table) -> Iterator[BatchReport]:
    """Have the model judge answers (those of `ungraded`); yields progress batch by batch.

    Raises ResourceError and RunnerError.
    """
    import ray.data

    judge = Judge(_partition(run, Grader.JUDGE))
    model, engine = run.experiment.model, run.experiment.engine
    return run_tasks(
        lambda: ray.data.from_arrow(todo), judge, model, engine, run.store, run_id=run.id, backend=text_backend(engine)
    )


def ungraded(run: Run, grader: Grader) -> pa.Table:
    """The answers that a grader has not graded yet, with their questions, in the order of their keys."""
    if all(is_graded for is_graded, _ in _grades_of_answers(run, grader).values()):
        return pa.table({})
    shards = run.shards | {Table.GRADES: grade_shards(run, grader)}
    extra = {"asked": grade_keys(run, grader)}
    return run.store.arrow(_UNGRADED, [grader_name(run, grader)], shards=shards, extra=extra)


def grades_folder(run: Run, grader: Grader) -> Location:
    """Where a grader's grades are."""
    return run.store.folder(Table.GRADES, _partition(run, grader))


def _partition(run: Run, grader: Grader) -> str:
    return f"{grader}-{digest(grader_name(run, grader))[:12]}"


def _identity(row: Row) -> Row:
    return {name: row[name] for name in ("key", "answer_key", "question_id", "grader")}


@dataclass(frozen=True)
class Judge:
    """Asks the model whether an answer means the same as one of the accepted answers."""

    partition: str

    @property
    def partitions(self) -> Mapping[Table, str]:
        """See tasks.Task."""
        return {Table.GRADES: self.partition}

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """See tasks.Task."""
        return unless_written(Table.GRADES, self.partition, work, store)

    async def ask(self, engine: TextBackend, row: Row) -> TableRows:
        """See tasks.Task. A reply that is no verdict leaves the grade null, with the reply as the reason."""
        prompt = judge_prompt(row["question"], row["accepted"], row["answer"])
        try:
            (reply,), usage = await engine.generate(prompt, max_tokens=VERDICT_TOKENS, stop=("\n",))
        except GenerationError as error:
            return {Table.GRADES: [_identity(row) | failed_columns(str(error))]}
        verdict = parse_verdict(reply.text)
        found = {"correct": verdict, "extracted": row["answer"], "reason": reply.text}
        return {Table.GRADES: [_identity(row) | found | cost_columns(usage)]}
