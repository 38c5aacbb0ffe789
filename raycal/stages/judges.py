"""The stage that lets the model judge which answers mean the same: pairs of answers in, VERDICTS out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from raycal.experiment.run import Run
from raycal.grading import VERDICT_TOKENS, parse_verdict
from raycal.inference.backend import GenerationError, TextBackend
from raycal.inference.backends import text_backend
from raycal.inference.runner import run_tasks
from raycal.inference.tasks import BatchReport, Row, TableRows, cost_columns, failed_columns, unless_written
from raycal.models.prompts import equivalence_prompt, template_name
from raycal.store.keys import digest
from raycal.store.schemas import Table
from raycal.store.store import Store

Pair = frozenset[str]


def judge_name(run: Run) -> str:
    """All that determines a verdict beside the question and the two answers."""
    prompt = template_name("equivalence", equivalence_prompt("{question}", "{left}", "{right}"), run.recipe.style)
    return f"{prompt}/{run.recipe.model}"


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
    """Have the model judge pairs (question id, question, pair of answers); yields progress batch by batch.

    Raises ResourceError and RunnerError.
    """
    import ray.data

    work = []
    for question_id, question, pair in pairs:
        one, other = sorted(pair)
        key = digest(judge_name(run), question_id, one, other)
        work.append({"key": key, "question_id": question_id, "question": question, "one": one, "other": other})
    judge = EquivalenceJudge(verdicts_partition(run), str(run.recipe.model), judge_name(run))
    rows = pa.Table.from_pylist(work)
    model, engine = run.experiment.model, run.experiment.engine
    return run_tasks(
        lambda: ray.data.from_arrow(rows), judge, model, engine, run.store, run_id=run.id, backend=text_backend(engine)
    )


def verdicts_partition(run: Run) -> str:
    """Where the verdicts are."""
    return f"equivalence-{digest(judge_name(run))[:12]}"


@dataclass(frozen=True)
class EquivalenceJudge:
    """Asks the model whether two answers to a question mean the same."""

    partition: str
    model: str
    prompt: str

    @property
    def partitions(self) -> Mapping[Table, str]:
        """See tasks.Task."""
        return {Table.VERDICTS: self.partition}

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """See tasks.Task."""
        return unless_written(Table.VERDICTS, self.partition, work, store)

    async def ask(self, engine: TextBackend, row: Row) -> TableRows:
        """See tasks.Task. A reply that is no verdict leaves the verdict null, with the reply beside it."""
        identity = {name: row[name] for name in ("key", "question_id", "one", "other")}
        identity |= {"model": self.model, "prompt": self.prompt, "sampling": '{"temperature": 0}'}
        prompt = equivalence_prompt(row["question"], row["one"], row["other"])
        try:
            (reply,), usage = await engine.generate(prompt, max_tokens=VERDICT_TOKENS, stop=("\n",))
        except GenerationError as error:
            return {Table.VERDICTS: [identity | failed_columns(str(error))]}
        found = {"text": reply.text, "verdict": parse_verdict(reply.text)}
        return {Table.VERDICTS: [identity | found | cost_columns(usage)]}
