"""Questions in; answers, samples and stated confidences out. Nothing that the store has is asked again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycal.config import Wording
from raycal.engine import Engine, Generation, GenerationError, Usage
from raycal.fanout import Progress, Row, Rows, cost_columns, failed_columns, run_fanout
from raycal.location import Location, for_arrow
from raycal.prompts import CORRECTNESS_QUERIES, Conversation
from raycal.questions.question import Split
from raycal.recipe import Query, Recipe, query_prompt, query_tokens
from raycal.run import Run
from raycal.schemas import Table
from raycal.store import Store, read_blocks

_QUESTION_COLUMNS = ["key", "dataset", "split", "subject", "question", "choices"]
_NO_ANSWER = "there is no answer to ask about"


@dataclass(frozen=True)
class Done:
    """What the store has: sorted keys, and of each samples key how many samples there are without a gap."""

    answers: NDArray[np.bytes_]
    queries: NDArray[np.bytes_]
    samples: NDArray[np.bytes_]
    sample_counts: NDArray[np.int64]

    @classmethod
    def read(cls, store: Store, recipe: Recipe, *, retry_errors: bool) -> Done:
        """Read the keys of one recipe; with `retry_errors`, rows that failed count as not there."""
        where = "WHERE error IS NULL" if retry_errors else ""
        shards = {table: store.shards(table, name) for table, name in recipe.partitions.items()}

        def keys(query: str) -> tuple[NDArray[np.bytes_], NDArray[np.int64]]:
            rows = store.arrow(query, shards=shards)
            names = np.asarray(rows["key"].to_pylist(), dtype="S32")
            order = np.argsort(names)
            return names[order], np.asarray(rows["n"])[order]

        # A gap (a lost shard) ends the count: from there on the samples are made again.
        gapless = (
            "SELECT key, count(*) AS n FROM (SELECT key, index, row_number() OVER (PARTITION BY key ORDER BY index) - 1"
            f" AS place FROM samples {where}) WHERE index = place GROUP BY key"
        )
        return cls(
            keys(f"SELECT key, 1 AS n FROM answers {where}")[0],
            keys(f"SELECT key, 1 AS n FROM queries {where}")[0],
            *keys(gapless),
        )

    def has(self, table: Table, key: str) -> bool:
        """Whether an answer or a query is there."""
        return _find(self.answers if table is Table.ANSWERS else self.queries, key) is not None

    def sample_count(self, key: str) -> int:
        """How many samples there are, counted from index 0 to the first gap."""
        place = _find(self.samples, key)
        return 0 if place is None else int(self.sample_counts[place])


def _find(keys: NDArray[np.bytes_], key: str) -> int | None:
    place = int(np.searchsorted(keys, key.encode()))
    return place if place < len(keys) and keys[place] == key.encode() else None


@dataclass(frozen=True)
class Work:
    """What is left to ask about one question; the columns of the rows that travel to the replicas."""

    question_id: str
    dataset: str
    subject: str
    question: str
    choices: list[str]
    answer_key: str
    samples_key: str
    needs_answer: bool
    first_sample: int  # samples from here up to k are missing
    queries: list[str]
    answer: str | None = None  # the answer's text, where it is there already

    def expected_keys(self, table: Table, recipe: Recipe) -> list[str]:
        """The keys of the rows that asking writes to a table, as the store names shards by them."""
        if table is Table.ANSWERS:
            return [f"{self.answer_key}:"] if self.needs_answer else []
        if table is Table.SAMPLES:
            return [f"{self.samples_key}:{index}" for index in range(self.first_sample, recipe.config.samples.k)]
        return [f"{recipe.query_key(Query(query), self.answer_key)}:" for query in self.queries]

    def without(self, table: Table, recipe: Recipe) -> Work:
        """The same without what a table has by now."""
        changes: dict[Table, dict[str, Any]] = {
            Table.ANSWERS: {"needs_answer": False},
            Table.SAMPLES: {"first_sample": recipe.config.samples.k},
            Table.QUERIES: {"queries": []},
        }
        return replace(self, **changes[table])

    def is_left(self, recipe: Recipe) -> bool:
        """Whether there is anything to ask."""
        return self.needs_answer or bool(self.queries) or self.first_sample < recipe.config.samples.k


def pick_work(questions: pa.Table, splits: Sequence[Split], recipe: Recipe, done: Done) -> pa.Table:
    """The questions of a block (columns of QUESTIONS) that are in the splits and have something left to ask."""
    picked = []
    for row in questions.to_pylist():
        if row["split"] not in splits or recipe.is_shown(row["dataset"], row["subject"], row["question"]):
            continue
        group = (row["key"], row["dataset"], row["subject"])
        answer_key, samples_key = recipe.answer_key(*group), recipe.samples_key(*group)
        k = recipe.config.samples.k
        sampled = row["split"] in recipe.config.sampled
        work = Work(
            question_id=row["key"],
            dataset=row["dataset"],
            subject=row["subject"],
            question=row["question"],
            choices=row["choices"],
            answer_key=answer_key,
            samples_key=samples_key,
            needs_answer=not done.has(Table.ANSWERS, answer_key),
            first_sample=min(done.sample_count(samples_key), k) if sampled else k,
            queries=[
                str(q)
                for q in recipe.queries
                if sampled and not done.has(Table.QUERIES, recipe.query_key(q, answer_key))
            ],
        )
        if work.is_left(recipe):
            picked.append(vars(work))
    text, texts = pa.string(), pa.list_(pa.string())
    types = [text, text, text, text, texts, text, text, pa.bool_(), pa.int64(), texts, text]
    return pa.Table.from_pylist(
        picked, schema=pa.schema([(field.name, kind) for field, kind in zip(fields(Work), types, strict=True)])
    )


@dataclass(frozen=True)
class Elicitor:
    """Asks one question all that is left to ask: the answer first, then samples and queries on the same prefix."""

    recipe: Recipe

    @property
    def partitions(self) -> Mapping[Table, str]:
        """See fanout.Asker."""
        return self.recipe.partitions

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """See fanout.Asker: an earlier attempt at this batch may have written some of its shards."""
        batch = [Work(**row) for row in work]
        for table, partition in self.partitions.items():
            keys = [key for one in batch for key in one.expected_keys(table, self.recipe)]
            if keys and store.has_shard(table, partition, keys):
                batch = [one.without(table, self.recipe) for one in batch]
        known = [one.answer_key for one in batch if not one.needs_answer and one.queries]
        texts = self._answers(known, store) if known else {}
        return [vars(replace(one, answer=texts.get(one.answer_key))) for one in batch if one.is_left(self.recipe)]

    def _answers(self, keys: list[str], store: Store) -> dict[str, str | None]:
        marks = ", ".join("?" * len(keys))
        query = f"SELECT key, text FROM answers WHERE error IS NULL AND key IN ({marks})"
        shards = {Table.ANSWERS: store.shards(Table.ANSWERS, self.partitions[Table.ANSWERS])}
        return {row["key"]: row["text"] for row in store.rows(query, keys, shards=shards)}

    async def ask(self, engine: Engine, row: Row) -> Rows:
        """See fanout.Asker."""
        work = Work(**row)
        asked = self.recipe.asked(work.dataset, work.subject, work.question, work.choices)
        answers, answer = [], work.answer
        if work.needs_answer:
            answers = [await self._answer(engine, work, asked)]
            answer = answers[0]["text"] if answers[0]["error"] is None else None
        asking = [self._query(engine, work, asked, answer, Query(query)) for query in work.queries]
        samples, queries = await asyncio.gather(self._samples(engine, work, asked), asyncio.gather(*asking))
        return {Table.ANSWERS: answers, Table.SAMPLES: samples, Table.QUERIES: list(queries)}

    async def _answer(self, engine: Engine, work: Work, asked: Conversation) -> Row:
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

    async def _samples(self, engine: Engine, work: Work, asked: Conversation) -> list[Row]:
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

    async def _query(self, engine: Engine, work: Work, asked: Conversation, answer: str | None, query: Query) -> Row:
        row = {
            "key": self.recipe.query_key(query, work.answer_key),
            "answer_key": work.answer_key,
            "question_id": work.question_id,
            "query": str(query),
            **self.recipe.provenance(Table.QUERIES, query),
        }
        if answer is None:
            return row | failed_columns(_NO_ANSWER)
        prompt = query_prompt(query, asked, answer)
        try:
            if query is Query.CORRECTNESS:
                choices = CORRECTNESS_QUERIES[Wording.CHOICES]
                (no, yes), usage = await engine.next_token_logprobs(prompt, (choices.no, choices.yes))
                return row | {"p_true": 1 / (1 + math.exp(no - yes))} | cost_columns(usage)
            (reply,), usage = await engine.generate(prompt, max_tokens=query_tokens(query), stop=("\n",))
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


def count_work(shards: Sequence[Location], splits: Sequence[Split], recipe: Recipe, done: Done) -> int:
    """How many questions of the shards of QUESTIONS have something left to ask."""
    return sum(block.num_rows for block in work_left(shards, splits, recipe, done))


def work_left(shards: Sequence[Location], splits: Sequence[Split], recipe: Recipe, done: Done) -> Iterator[pa.Table]:
    """What `pick_work` picks from the shards of QUESTIONS, block by block."""
    for block in read_blocks(shards, _QUESTION_COLUMNS):
        yield pick_work(pa.Table.from_batches([block]), splits, recipe, done)


def elicit(run: Run, done: Done) -> Iterator[Progress]:
    """Ask what is left to ask about a run's questions; yields progress batch by batch.

    Raises ResourceError and FanoutError, see `run_fanout`.
    """
    import ray.data

    def work() -> ray.data.Dataset:
        shared = ray.put((run.experiment.splits, run.recipe, done))

        def pick(block: pa.Table) -> pa.Table:
            return pick_work(block, *ray.get(shared))

        paths, filesystem = for_arrow(run.questions.shards)
        questions = ray.data.read_parquet(paths, filesystem=filesystem, columns=_QUESTION_COLUMNS)
        return questions.map_batches(pick, batch_format="pyarrow")

    model, engine = run.experiment.model, run.experiment.engine
    return run_fanout(work, Elicitor(run.recipe), model, engine, run.store, run_id=run.id, backend=Engine)
