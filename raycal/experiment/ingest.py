"""Loaders' questions into the store: the stage before every other."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from pydantic import TypeAdapter

from raycal.errors import RaycalError
from raycal.experiment.examples import SHOWN, Candidate, ExamplePool
from raycal.experiment.recipe import Group
from raycal.models.prompts import FewShotExample
from raycal.questions import BadRow, fingerprint, load
from raycal.questions.choices import AlwaysFirst
from raycal.questions.question import Question, Split
from raycal.questions.rows import QuestionSourceError
from raycal.questions.sources.base import QuestionSource
from raycal.store.keys import digest
from raycal.store.locations import Location
from raycal.store.schemas import Table
from raycal.store.store import Store

T = TypeVar("T")
_VERSION = "3"  # of how files become questions: another one has them read again
_SHARD_ROWS = 1024
_CONTRADICTION = """
    SELECT question FROM all_questions WHERE dataset = ?
    GROUP BY key, question HAVING count(DISTINCT list_sort(answers)) > 1 ORDER BY question LIMIT 1
"""


class NoQuestionsError(RaycalError, ValueError):
    """None of the sources has a question to ask."""


@dataclass(frozen=True)
class QuestionSet:
    """The questions of an experiment, as shards of QUESTIONS."""

    shards: tuple[Location, ...]
    questions: int  # those in the splits that are asked
    bad_rows: int
    first_bad: str | None  # where the first of them is, and what was wrong with it
    examples: Mapping[Group, tuple[FewShotExample, ...]]  # shown in front of the group's questions
    source_notes: tuple[str, ...] = ()  # what is odd about the questions of a source, in sentences

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know before any of them is asked, in sentences."""
        if not self.bad_rows:
            return self.source_notes
        bad = f"{self.bad_rows:,} rows are no questions and count as failed, the first at {self.first_bad}"
        return (bad, *self.source_notes)


def ingest(sources: Sequence[QuestionSource], splits: Sequence[Split], few_shot: int, store: Store) -> QuestionSet:
    """Stream every source into QUESTIONS, its malformed rows into BAD_QUESTIONS.

    Files that the store has are not read again. Raises QuestionSourceError for a source that cannot be read at all, or
    contradicts another one of its dataset, and NoQuestionsError where there is nothing to ask.
    """
    pool = ExamplePool(few_shot)
    shards: dict[Location, None] = {}  # a set that keeps its order
    of_dataset: dict[str, dict[Location, None]] = defaultdict(dict)
    asked, bad_rows, first_bad = 0, 0, None
    notes: dict[str, None] = {}
    # What is wrong with any source as a whole is known before a question of the others is written.
    for source, attempts in [(source, load(source)) for source in sources]:
        ingested = _ingest(source, attempts, few_shot, store)
        pool.offer(ingested.candidates)
        written = dict.fromkeys(store.folder(Table.QUESTIONS, ingested.partition) / name for name in ingested.shards)
        shards |= written
        for dataset in ingested.datasets:
            of_dataset[dataset] |= written
        notes |= dict.fromkeys(ingested.notes)
        asked += sum(count for split, count in ingested.questions.items() if split in splits)
        bad_rows += ingested.bad_rows
        first_bad = first_bad or ingested.first_bad
    if not asked:
        why = f"; {bad_rows} rows were malformed, the first at {first_bad}" if bad_rows else ""
        raise NoQuestionsError(f"the sources have no question in the splits {', '.join(splits)}{why}")
    for dataset, written in of_dataset.items():
        _refuse_contradiction(dataset, list(written), store)
    return QuestionSet(tuple(shards), asked, bad_rows, first_bad, pool.examples(), tuple(notes))


def _refuse_contradiction(dataset: str, shards: list[Location], store: Store) -> None:
    """Raise where two sources have other answers to one question: only one of them would count."""
    if len({shard.parent for shard in shards}) < 2:
        return
    rows = store.rows(_CONTRADICTION, [dataset], shards={Table.QUESTIONS: shards})
    if row := next(rows, None):
        raise QuestionSourceError(
            f"two sources of the dataset {dataset!r} have other answers to {row['question']!r}: give each a dataset of "
            "its own, or mend the row"
        )


@dataclass(frozen=True)
class Ingested:
    """What one source came to."""

    partition: str
    shards: tuple[str, ...]  # names in the partition
    questions: dict[Split, int]
    bad_rows: int
    first_bad: str | None
    candidates: tuple[Candidate, ...]
    datasets: tuple[str, ...] = ()  # these two an older raycal did not write
    notes: tuple[str, ...] = ()


INGESTED = TypeAdapter(Ingested)


def partition_of(source: QuestionSource, content: str | None) -> str:
    """Where a source's questions stand in QUESTIONS; content: a hash of its files, None where it has none."""
    # Of its content too: a question whose answer has changed has the same key, and both versions of it stay.
    return digest(source.identity(), *filter(None, [content]))[:16]


def _ingest(source: QuestionSource, attempts: Iterator[Question | BadRow], few_shot: int, store: Store) -> Ingested:
    content = fingerprint(source)
    partition = partition_of(source, content)
    if content is None:
        return _read(attempts, partition, few_shot, store)
    key = digest(_VERSION, source.identity(), content, few_shot)
    known = {Table.SOURCES: store.shards(Table.SOURCES, key)}
    for row in store.rows("SELECT ingested FROM sources", shards=known):
        ingested = INGESTED.validate_json(row["ingested"])
        there = {path.name for path in store.shards(Table.QUESTIONS, partition)}
        if ingested.partition == partition and there >= set(ingested.shards):
            return ingested
    ingested = _read(attempts, partition, few_shot, store)
    row = {"key": key, "source": source.model_dump_json(), "ingested": INGESTED.dump_json(ingested).decode()}
    store.write(Table.SOURCES, key, [row])
    return ingested


def _read(attempts: Iterator[Question | BadRow], partition: str, few_shot: int, store: Store) -> Ingested:
    pool = ExamplePool(few_shot)
    shards: dict[str, None] = {}  # a set that keeps its order
    counts: Counter[Split] = Counter()
    bad_rows, first_bad = 0, None
    always_first: dict[str, AlwaysFirst] = defaultdict(AlwaysFirst)
    for chunk in _chunks(attempts, _SHARD_ROWS):
        questions = [item for item in chunk if isinstance(item, Question)]
        bad = [item for item in chunk if isinstance(item, BadRow)]
        shard = store.write(Table.QUESTIONS, partition, [_question_row(question) for question in questions])
        if shard is not None:
            shards[shard.name] = None
        store.write(Table.BAD_QUESTIONS, partition, [_bad_row(row) for row in bad])
        pool.offer(Candidate.of(one) for one in questions if one.split in SHOWN)
        counts.update(question.split for question in questions)
        for question in questions:
            always_first[question.dataset].add(question.choices, question.answers)
        bad_rows += len(bad)
        if first_bad is None and bad:
            first_bad = f"{bad[0].location}: {bad[0].error}"
    candidates, datasets = tuple(pool.candidates()), tuple(always_first)
    notes = tuple(note for dataset, rows in always_first.items() for note in rows.notes(dataset))
    return Ingested(partition, tuple(shards), dict(counts), bad_rows, first_bad, candidates, datasets, notes)


def _question_row(question: Question) -> dict[str, Any]:
    return {
        "key": question.id,
        "dataset": question.dataset,
        "split": str(question.split),
        "subject": question.subject,
        "kind": str(question.kind),
        "question": question.question,
        "choices": list(question.choices),
        "answers": list(question.answers),
        "metadata": json.dumps(question.metadata, sort_keys=True, ensure_ascii=False),
        "answerable": question.answerable,
    }


def _bad_row(row: BadRow) -> dict[str, Any]:
    return {
        "key": digest(row.dataset, row.location, row.error),
        "dataset": row.dataset,
        "location": row.location,
        "error": row.error,
    }


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
