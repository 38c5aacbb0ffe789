"""The questions of a run that a store names: those that the store has, and no file or dataset of elsewhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from raycal.errors import RaycalError
from raycal.experiment.examples import SHOWN, Candidate, ExamplePool
from raycal.experiment.ingest import INGESTED, QuestionSet, partition_of
from raycal.questions.question import Kind, Question, Split
from raycal.questions.sources.base import QuestionSource
from raycal.store.keys import safe_name
from raycal.store.locations import Location
from raycal.store.schemas import Table
from raycal.store.store import Store, read_blocks

_COLUMNS = ("dataset", "kind", "question", "answers", "choices", "subject", "split", "answerable")


class NoStoredQuestionsError(RaycalError, ValueError):
    """The store does not have the questions of a source."""


def stored_questions(
    sources: Sequence[QuestionSource], splits: Sequence[Split], few_shot: int, store: Store
) -> QuestionSet:
    """What `ingest` made of some sources, of which nothing is opened: a store may come from anybody.

    Of a source that was read several times, the last reading counts. Raises NoStoredQuestionsError.
    """
    pool = ExamplePool(few_shot)
    shards: dict[Location, None] = {}  # a set that keeps its order
    counts: Counter[str] = Counter()
    bad_rows = 0
    for source in sources:
        partition, known = _read_before(source, store)
        shards |= dict.fromkeys(known)
        bad = {Table.BAD_QUESTIONS: store.shards(Table.BAD_QUESTIONS, partition)}
        bad_rows += sum(row["n"] for row in store.rows("SELECT count(*) AS n FROM bad_questions", shards=bad))
        for row in _rows(known):
            counts[row["split"]] += 1
            if few_shot and row["split"] in SHOWN:
                pool.offer([Candidate.of(_question(row))])
    asked = sum(counts[split] for split in splits)
    return QuestionSet(tuple(shards), asked, bad_rows, None, pool.examples())


def _read_before(source: QuestionSource, store: Store) -> tuple[str, list[Location]]:
    """The partition of a source's questions, and their shards there."""
    for row in _latest_first(store):
        if _is_of(row["source"], source):
            read = INGESTED.validate_json(row["ingested"])
            named = set(read.shards)
            partition = read.partition
            break
    else:
        partition, named = partition_of(source, None), None
    # What a row says is no path: a partition is a folder of this table, and has the shards that it has.
    there = store.shards(Table.QUESTIONS, partition) if safe_name(partition) == partition else []
    known = [shard for shard in there if named is None or shard.name in named]
    if not known:
        raise NoStoredQuestionsError(
            f"the store {store.root} does not have the questions of {source.identity()}, and nothing else that a store "
            "names is opened: give the experiment's YAML file"
        )
    return partition, known


def _latest_first(store: Store) -> Iterator[dict[str, Any]]:
    shards = sorted(store.shards(Table.SOURCES), key=lambda shard: shard.stat().st_mtime, reverse=True)
    for shard in shards:
        yield from store.rows("SELECT source, ingested FROM sources", shards={Table.SOURCES: [shard]})


def _is_of(recorded: str, source: QuestionSource) -> bool:
    try:
        return QuestionSource.read(json.loads(recorded)) == source
    except ValueError:  # of a package that is not installed here
        return False


def _rows(shards: Sequence[Location]) -> Iterator[dict[str, Any]]:
    for block in read_blocks(Table.QUESTIONS, shards, _COLUMNS):
        yield from block.to_pylist()


def _question(row: Mapping[str, Any]) -> Question:
    lists = {name: tuple(row[name]) for name in ("answers", "choices")}
    kind, split, answerable = Kind(row["kind"]), Split(row["split"]), row["answerable"] is not False
    return Question(**{**row, **lists, "kind": kind, "split": split, "answerable": answerable})
