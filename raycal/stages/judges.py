"""Judges at work: a model is asked for verdicts on answers or on pairs of answers, with no other model's engine up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from raycal.experiment.run import Run
from raycal.grading import VERDICT_TOKENS, parse_verdict
from raycal.grading.grader import JudgeModel, ModelGrader
from raycal.grading.judge import EquivalenceJudge
from raycal.inference.backend import GenerationError, TextBackend
from raycal.inference.backends import text_backend
from raycal.inference.runner import run_tasks
from raycal.inference.tasks import BatchReport, Row, TableRows, cost_columns, failed_columns, unless_written
from raycal.methods.base import in_dependency_order
from raycal.methods.evidence import Equivalence, Pair
from raycal.models.find import Model
from raycal.models.prompts import Conversation, template_name
from raycal.store.keys import digest
from raycal.store.schemas import Table
from raycal.store.store import Store

EQUIVALENCE = "equivalence"  # what its judge is called


@dataclass(frozen=True)
class YesNoJudge:
    """Asks a model for a verdict on each row, to be written with its reply.

    prompt: what is asked about a row. read: the verdict of a reply, None where it is not clear. columns: of a row's
    result, but for verdict_column and reply_column.
    """

    table: Table
    partition: str
    prompt: Callable[[Row], Conversation]
    read: Callable[[str], bool | None]
    columns: Callable[[Row], Row]
    verdict_column: str
    reply_column: str

    @property
    def partitions(self) -> Mapping[Table, str]:
        """See tasks.Task."""
        return {self.table: self.partition}

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """See tasks.Task."""
        return unless_written(self.table, self.partition, work, store)

    async def ask(self, engine: TextBackend, row: Row) -> TableRows:
        """See tasks.Task. A reply that is no verdict leaves the verdict null, with the reply beside it."""
        columns = self.columns(row)
        try:
            (reply,), usage = await engine.generate(self.prompt(row), max_tokens=VERDICT_TOKENS, stop=("\n",))
        except GenerationError as error:
            return {self.table: [columns | failed_columns(str(error))]}
        verdict = {self.verdict_column: self.read(reply.text), self.reply_column: reply.text}
        return {self.table: [columns | verdict | cost_columns(usage)]}


def ask_judge(run: Run, judge: JudgeModel, task: YesNoJudge, work: pa.Table) -> Iterator[BatchReport]:
    """Have a judge's model give verdicts, on engines of its own; yields progress batch by batch.

    Raises ModelError, ResourceError and RunnerError.
    """
    import ray.data

    model, engine = judge.model or run.experiment.model, judge.engine or run.experiment.engine
    return run_tasks(
        lambda: ray.data.from_arrow(work), task, model, engine, run.store, run_id=run.id, backend=text_backend(model)
    )


def judges_of(run: Run) -> list[tuple[str, JudgeModel]]:
    """The judges that the run asks, with what they are called: graders, and that of equivalence where it is asked."""
    graders = [(grader.label, grader) for grader in run.experiment.grade.graders if isinstance(grader, ModelGrader)]
    equivalence = [(EQUIVALENCE, run.experiment.equivalence_judge)] if equivalence_is_judged(run) else []
    return [*graders, *equivalence]


def equivalence_is_judged(run: Run) -> bool:
    """Whether a method of the run asks the judge which answers mean the same."""
    methods = in_dependency_order(run.experiment.methods)
    return any(method.needs().equivalence is Equivalence.JUDGE for method in methods)


def judging_model(run: Run, judge: JudgeModel) -> Model:
    """The model that judges: that under test where the judge names none. Raises ModelError and AdapterError."""
    return run.recipe_for(judge.model).model


def judge_name(run: Run) -> str:
    """All that determines a verdict on equivalence beside the question and the two answers."""
    judge = run.experiment.equivalence_judge
    reading = run.recipe_for(judge.model)
    prompt = template_name("equivalence", judge.conversation("{question}", "{left}", "{right}"), reading.style)
    return f"{prompt}/{reading.model}"


def verdicts_of(run: Run) -> Mapping[str, Mapping[Pair, bool | None]]:
    """The verdicts in the store, by question and pair of normalised answers; None where a reply was no verdict."""
    verdicts: dict[str, dict[Pair, bool | None]] = defaultdict(dict)
    shards = {Table.VERDICTS: run.store.shards(Table.VERDICTS, verdicts_partition(run))}
    for row in run.store.rows(
        "SELECT question_id, one, other, verdict FROM verdicts WHERE error IS NULL", shards=shards
    ):
        verdicts[row["question_id"]][frozenset((row["one"], row["other"]))] = row["verdict"]
    return verdicts


def judge_equivalence(run: Run, pairs: Iterable[tuple[str, str, Pair]]) -> Iterator[BatchReport]:
    """Have the judge compare pairs (question id, question, pair of answers); yields progress batch by batch.

    Raises ModelError, ResourceError and RunnerError.
    """
    name, judge = judge_name(run), run.experiment.equivalence_judge
    work = []
    for question_id, question, pair in pairs:
        one, other = sorted(pair)
        key = digest(name, question_id, one, other)
        work.append({"key": key, "question_id": question_id, "question": question, "one": one, "other": other})
    task = pair_judge(judge, verdicts_partition(run), str(judging_model(run, judge)), name)
    return ask_judge(run, judge, task, pa.Table.from_pylist(work))


def verdicts_partition(run: Run) -> str:
    """Where the verdicts are."""
    return f"equivalence-{digest(judge_name(run))[:12]}"


def pair_judge(judge: EquivalenceJudge, partition: str, model: str, name: str) -> YesNoJudge:
    """The task of asking a judge whether two answers to a question mean the same; rows go to VERDICTS."""
    provenance = {"model": model, "prompt": name, "sampling": '{"temperature": 0}'}
    return YesNoJudge(
        Table.VERDICTS,
        partition,
        prompt=lambda row: judge.conversation(row["question"], row["one"], row["other"]),
        read=parse_verdict,
        columns=lambda row: {column: row[column] for column in ("key", "question_id", "one", "other")} | provenance,
        verdict_column="verdict",
        reply_column="text",
    )
