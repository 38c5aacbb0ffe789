"""What is left to ask about each question, decided from keys alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from raycal.asked import IDENTITY, cells
from raycal.done import Done
from raycal.recipe import Query, Recipe
from raycal.run import Run
from raycal.schemas import Table


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


def pick_work(asked: pa.Table, recipe: Recipe, done: Done) -> pa.Table:
    """Those of a block of asked questions about which something is left to ask, as rows with the fields of Work."""
    identities = list(cells(asked, *IDENTITY))
    answer_keys = [recipe.answer_key(*identity) for identity in identities]
    samples_keys = [recipe.samples_key(*identity) for identity in identities]
    k = recipe.config.samples.k
    sampled = np.array([split in recipe.config.sampled for (split,) in cells(asked, "split")], bool)
    needs_answer = ~done.answers.has(answer_keys)
    first_sample = np.where(sampled, np.minimum(done.sample_counts(samples_keys), k), k)
    needs_query = {
        query: sampled & ~done.queries.has([recipe.query_key(query, key) for key in answer_keys])
        for query in recipe.queries
    }
    left = np.any([needs_answer, first_sample < k, *needs_query.values()], axis=0)
    (places,) = np.nonzero(left)
    found = asked.take(pa.array(places))
    text, texts = pa.string(), pa.list_(pa.string())
    return pa.table(
        {
            "question_id": found["key"].cast(text),
            **{name: found[name].cast(text) for name in ("dataset", "subject", "question")},
            "choices": found["choices"].cast(texts),
            "answer_key": pa.array([answer_keys[place] for place in places], text),
            "samples_key": pa.array([samples_keys[place] for place in places], text),
            "needs_answer": pa.array(needs_answer[places]),
            "first_sample": pa.array(first_sample[places], pa.int64()),
            "queries": pa.array([[str(q) for q in recipe.queries if needs_query[q][place]] for place in places], texts),
            "answer": pa.nulls(len(places), text),
        }
    )


def count_work(run: Run, done: Done) -> tuple[int, int]:
    """How many questions are asked, and about how many of them something is left to ask."""
    asked = left = 0
    for block in run.asked_blocks():
        asked += block.num_rows
        left += pick_work(block, run.recipe, done).num_rows
    return asked, left
