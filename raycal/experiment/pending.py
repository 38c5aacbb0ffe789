"""Work that is left to ask, by the keys that the store has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raycal.experiment.recipe import Recipe
from raycal.experiment.run import Run
from raycal.experiment.selection import IDENTITY, cells
from raycal.store.key_set import KEY, Keys, KeySet, gathered
from raycal.store.schemas import Table
from raycal.store.store import Store

# Samples of one key that follow one another, first to last; so written, their bytes sort as they do.
_RUN = np.dtype([("key", KEY), ("first", ">u2"), ("last", ">u2")])


@dataclass(frozen=True)
class CompletedKeys:
    """Keys of what is in the store already: of samples also how many there are without a gap. 54 bytes a question.

    failed: how many rows of each table have an error, of those that were made again since too.
    """

    answers: KeySet
    queries: KeySet
    samples: KeySet
    gapless: NDArray[np.uint16]
    failed: Mapping[Table, int] = field(default_factory=dict)

    @classmethod
    def read(cls, store: Store, recipe: Recipe, *, retry_errors: bool) -> CompletedKeys:
        """Read the keys of one recipe, each table once; with `retry_errors`, rows that failed count as not there."""
        failed = dict.fromkeys(recipe.partitions, 0)

        def read(table: Table, *columns: str) -> Iterator[pa.RecordBatch]:
            # Listed once: other runs may be writing. Of a key that stands twice, one row is as good as the other here:
            # no view has to choose between them.
            shards = store.shards(table, recipe.partitions[table])
            query = f"SELECT unhex(key) AS key, {''.join(f'{name}, ' for name in columns)}error IS NULL AS ok"
            for batch in store.batches(f"{query} FROM all_{table}", table, shards):
                failed[table] += batch.num_rows - pc.sum(batch["ok"]).as_py()
                yield batch.filter(batch["ok"]) if retry_errors else batch

        def keys(table: Table) -> KeySet:
            return KeySet.sorting(gathered(_as_bytes(batch["key"]) for batch in read(table)))

        # Samples come first, while nothing else takes memory: they need the most.
        samples, gapless = _without_gaps(map(_runs, read(Table.SAMPLES, "index")))
        return cls(keys(Table.ANSWERS), keys(Table.QUERIES), samples, gapless, failed)

    def sample_counts(self, keys: Sequence[str]) -> NDArray[np.uint16]:
        """How many samples there are of each key, counted from index 0 to the first gap."""
        places = self.samples.places(keys)
        is_known = places >= 0
        counts = np.zeros(len(places), np.uint16)
        counts[is_known] = self.gapless[places[is_known]]
        return counts


def _runs(batch: pa.RecordBatch) -> NDArray[np.void]:
    """The samples of a batch as runs."""
    keys, indices = _as_bytes(batch["key"]), batch["index"].to_numpy()
    goes_on = (keys[1:] == keys[:-1]) & (indices[1:] == indices[:-1] + 1)
    starts = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    ends = np.concatenate([starts[1:], [len(keys)]]) - 1
    runs = np.empty(len(starts), _RUN)
    runs["key"], runs["first"], runs["last"] = keys[starts], indices[starts], indices[ends]
    return runs


def _without_gaps(portions: Iterator[NDArray[np.void]]) -> tuple[KeySet, NDArray[np.uint16]]:
    """The keys of all runs, and of each how many samples there are from index 0 to the first that is missing.

    A gap (a lost shard) ends the count: from there on the samples are made again.
    """
    runs = np.concatenate([np.empty(0, _RUN), *portions])
    runs.view(f"S{_RUN.itemsize}").sort()
    is_first = np.concatenate([np.ones(len(runs[:1]), bool), runs["key"][1:] != runs["key"][:-1]])
    keys = KeySet(runs["key"][is_first])
    counts = np.where(runs["first"][is_first] == 0, runs["last"][is_first] + 1, 0).astype(np.uint16)
    for run in runs[~is_first]:
        place = np.searchsorted(keys.keys, run["key"])
        if run["first"] <= counts[place]:
            counts[place] = max(counts[place], run["last"] + 1)
    return keys, counts


def _as_bytes(keys: pa.Array) -> Keys:
    """A column of sixteen bytes a row, without an object for each."""
    _, values = keys.cast(pa.binary(16)).buffers()
    return np.frombuffer(values, KEY, len(keys))


@dataclass(frozen=True)
class WorkItem:
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
    queries: list[str]  # the names of follow-up prompts
    answer: str | None = None  # the answer's text, where it is there already

    def expected_keys(self, table: Table, recipe: Recipe) -> list[str]:
        """The keys of the rows that asking writes to a table, as the store names shards by them."""
        if table is Table.ANSWERS:
            return [f"{self.answer_key}:"] if self.needs_answer else []
        if table is Table.SAMPLES:
            return [f"{self.samples_key}:{index}" for index in range(self.first_sample, recipe.config.samples.k)]
        return [f"{recipe.query_key(recipe.prompt(name), self.answer_key)}:" for name in self.queries]

    def without(self, table: Table, recipe: Recipe) -> WorkItem:
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


@dataclass(frozen=True)
class PendingFlags:
    """What is left to ask about each of n questions: columns, (n,) each, and first_sample as in WorkItem."""

    needs_answer: NDArray[np.bool_]
    first_sample: NDArray[np.intp]
    needs_query: Mapping[str, NDArray[np.bool_]]  # by the name of the follow-up prompt
    left: NDArray[np.bool_]  # whether there is anything

    @classmethod
    def of(
        cls,
        answer_keys: Sequence[str],
        samples_keys: Sequence[str],
        splits: Sequence[str],
        recipe: Recipe,
        done: CompletedKeys,
    ) -> PendingFlags:
        """Subtract what is there already."""
        k = recipe.config.samples.k
        sampled = np.array([split in recipe.config.sampled for split in splits], bool)
        needs_answer = ~done.answers.has(answer_keys)
        first_sample = np.where(sampled, np.minimum(done.sample_counts(samples_keys), k), k)
        needs_query = {
            prompt.name: sampled & ~done.queries.has([recipe.query_key(prompt, key) for key in answer_keys])
            for prompt in recipe.prompts
        }
        left = np.any([needs_answer, first_sample < k, *needs_query.values()], axis=0)
        return cls(needs_answer, first_sample, needs_query, left)


def pending_work(asked: pa.Table, recipe: Recipe, done: CompletedKeys) -> pa.Table:
    """Those of a block of questions about which something is left to ask, as rows with the fields of WorkItem."""
    identities = list(cells(asked, *IDENTITY))
    answer_keys = [recipe.answer_key(*identity) for identity in identities]
    samples_keys = [recipe.samples_key(*identity) for identity in identities]
    splits = [split for (split,) in cells(asked, "split")]
    flags = PendingFlags.of(answer_keys, samples_keys, splits, recipe, done)
    (places,) = np.nonzero(flags.left)
    rows = asked.take(pa.array(places))
    text, texts = pa.string(), pa.list_(pa.string())
    queries = [[name for name, lacks in flags.needs_query.items() if lacks[place]] for place in places]
    return pa.table(
        {
            "question_id": rows["key"].cast(text),
            **{name: rows[name].cast(text) for name in ("dataset", "subject", "question")},
            "choices": rows["choices"].cast(texts),
            "answer_key": pa.array([answer_keys[place] for place in places], text),
            "samples_key": pa.array([samples_keys[place] for place in places], text),
            "needs_answer": pa.array(flags.needs_answer[places]),
            "first_sample": pa.array(flags.first_sample[places], pa.int64()),
            "queries": pa.array(queries, texts),
            "answer": pa.nulls(len(places), text),
        }
    )


def count_work(run: Run, done: CompletedKeys) -> tuple[int, int]:
    """How many questions are asked, and about how many of them something is left to ask.

    The questions are read block by block where the run has no table of them yet, which takes memory.
    """
    if run.has_asked:
        answers, samples, splits = (run.asked[name].to_pylist() for name in ("answer_key", "samples_key", "split"))
        return run.asked.num_rows, int(PendingFlags.of(answers, samples, splits, run.recipe, done).left.sum())
    asked = left = 0
    for block in run.asked_blocks():
        asked += block.num_rows
        left += pending_work(block, run.recipe, done).num_rows
    return asked, left
