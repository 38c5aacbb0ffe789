"""Questions in; answers, samples and stated confidences out. Nothing that the store has is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from raycal.experiment.pending import CompletedKeys, WorkItem, pending_work
from raycal.experiment.recipe import Recipe
from raycal.experiment.run import Run
from raycal.experiment.selection import QUESTION_COLUMNS, select_questions
from raycal.inference.backend import Generation, GenerationError, TextBackend, Usage
from raycal.inference.backends import text_backend
from raycal.inference.runner import run_tasks
from raycal.inference.tasks import BatchReport, Row, TableRows, cost_columns, failed_columns, probability_of_yes
from raycal.models.prompts import Conversation, FollowUp, TwoChoices
from raycal.store.locations import Location, for_arrow
from raycal.store.schemas import SCHEMAS, Table
from raycal.store.store import Store

if TYPE_CHECKING:
    import ray.data

_NO_ANSWER = "there is no answer to ask about"


@dataclass(frozen=True)
class Elicitor:
    """Asks one question all that is left to ask: the answer first, then samples and queries on the same prefix."""

    recipe: Recipe

    @property
    def partitions(self) -> Mapping[Table, str]:
        """See tasks.Task."""
        return self.recipe.partitions

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """See tasks.Task: an earlier attempt at this batch may have written some of its shards."""
        batch = [WorkItem(**row) for row in work]
        for table, partition in self.partitions.items():
            expected = [one.expected_keys(table, self.recipe) for one in batch]
            finished = store.finished(table, partition, chain.from_iterable(expected))
            batch = [
                one.without(table, self.recipe) if finished.issuperset(keys) else one
                for one, keys in zip(batch, expected, strict=True)
            ]
        known = [one.answer_key for one in batch if not one.needs_answer and one.queries]
        texts = self._answers(known, store) if known else {}
        return [vars(replace(one, answer=texts.get(one.answer_key))) for one in batch if one.is_left(self.recipe)]

    def _answers(self, keys: list[str], store: Store) -> dict[str, str | None]:
        marks = ", ".join("?" * len(keys))
        query = f"SELECT key, text FROM answers WHERE error IS NULL AND key IN ({marks})"
        shards = {Table.ANSWERS: store.shards(Table.ANSWERS, self.partitions[Table.ANSWERS])}
        return {row["key"]: row["text"] for row in store.rows(query, keys, shards=shards)}

    async def ask(self, engine: TextBackend, row: Row) -> TableRows:
        """See tasks.Task."""
        work = WorkItem(**row)
        asked = self.recipe.asked(work.dataset, work.subject, work.question, work.choices)
        answers, answer = [], work.answer
        if work.needs_answer:
            answers = [await self._answer(engine, work, asked)]
            answer = answers[0]["text"] if answers[0]["error"] is None else None
        prompts = [self.recipe.prompt(name) for name in work.queries]
        asking = [self._query(engine, work, asked, answer, prompt) for prompt in prompts]
        samples, queries = await asyncio.gather(self._samples(engine, work, asked), asyncio.gather(*asking))
        return {Table.ANSWERS: answers, Table.SAMPLES: samples, Table.QUERIES: list(queries)}

    async def _answer(self, engine: TextBackend, work: WorkItem, asked: Conversation) -> Row:
        row = {
            "key": work.answer_key,
            "question_id": work.question_id,
            **self.recipe.provenance(Table.ANSWERS),
        }
        config = self.recipe.config
        try:
            (answer,), usage = await engine.generate(asked, max_tokens=config.max_tokens, stop=self.recipe.stop)
        except GenerationError as error:
            return row | failed_columns(str(error))
        return row | _generated(answer) | cost_columns(usage)

    async def _samples(self, engine: TextBackend, work: WorkItem, asked: Conversation) -> list[Row]:
        config = self.recipe.config
        indices = range(work.first_sample, config.samples.k)
        row = {
            "key": work.samples_key,
            "question_id": work.question_id,
            **self.recipe.provenance(Table.SAMPLES),
        }
        if not indices:
            return []
        try:
            samples, usage = await engine.generate(
                asked,
                n=len(indices),
                max_tokens=config.max_tokens,
                temperature=config.samples.temperature,
                top_p=config.samples.top_p,
                seed=self.recipe.sample_seed(work.question_id) + work.first_sample,
                stop=self.recipe.stop,
            )
        except GenerationError as error:
            return [row | {"index": index} | failed_columns(str(error)) for index in indices]
        rows = []
        for index, sample in zip(indices, samples, strict=True):
            # The samples share one prompt: the first of them pays for it.
            prompt_tokens = usage.prompt_tokens if index == work.first_sample else 0
            cost = cost_columns(Usage(prompt_tokens, len(sample.logprobs)))
            rows.append(row | {"index": index} | _generated(sample) | cost)
        return rows

    async def _query(
        self, engine: TextBackend, work: WorkItem, asked: Conversation, answer: str | None, prompt: FollowUp
    ) -> Row:
        row = {
            "key": self.recipe.query_key(prompt, work.answer_key),
            "answer_key": work.answer_key,
            "question_id": work.question_id,
            "query": prompt.name,
            **self.recipe.query_provenance[prompt],
        }
        if answer is None:
            return row | failed_columns(_NO_ANSWER)
        conversation = prompt.put(asked, answer)
        try:
            if isinstance(prompt, TwoChoices):
                p_true, usage = await probability_of_yes(engine, conversation, prompt)
                return row | {"p_true": p_true} | cost_columns(usage)
            (reply,), usage = await engine.generate(conversation, max_tokens=prompt.max_tokens, stop=("\n",))
        except GenerationError as error:
            return row | failed_columns(str(error))
        return row | {"text": reply.text, "finish_reason": reply.finish_reason} | cost_columns(usage)


def _generated(generation: Generation) -> Row:
    return {
        "text": generation.text,
        "logprobs": list(generation.logprobs),
        "finish_reason": generation.finish_reason,
        "error": None if generation.text.strip() else "the generation is empty",
    }


def questions_dataset(shards: Sequence[Location]) -> ray.data.Dataset:
    """Shards of QUESTIONS as Ray Data reads them, in QUESTION_COLUMNS; a column that a shard lacks is null."""
    import ray.data

    paths, filesystem = for_arrow(shards)
    schema = SCHEMAS[Table.QUESTIONS]
    columns = list(QUESTION_COLUMNS)
    # Without a partitioning, else a folder NAME=VALUE above the store were a column.
    return ray.data.read_parquet(paths, filesystem=filesystem, columns=columns, schema=schema, partitioning=None)


def elicit(run: Run, done: CompletedKeys, backend: type[TextBackend] | None = None) -> Iterator[BatchReport]:
    """Ask what is left to ask about a run's questions; yields progress batch by batch.

    backend: what answers, by `model.backend` if None; the benchmark of all but the engine has another. Raises
    ResourceError and RunnerError, see `run_tasks`.
    """
    import ray.data

    def work() -> ray.data.Dataset:
        shared = ray.put((run.experiment.splits, run.recipe, done))

        def pick(block: pa.Table) -> pa.Table:
            splits, recipe, done = ray.get(shared)
            return pending_work(select_questions(block, splits, recipe), recipe, done)

        return questions_dataset(run.questions.shards).map_batches(pick, batch_format="pyarrow")

    model, engine = run.experiment.model, run.experiment.engine
    answers = backend or text_backend(model)
    return run_tasks(work, Elicitor(run.recipe), model, engine, run.store, run_id=run.id, backend=answers)
