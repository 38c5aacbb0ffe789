"""Loaders' questions into the store: the stage before every other."""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from pydantic import TypeAdapter

from raycal.errors import RaycalError
from raycal.experiment.recipe import Group
from raycal.models.prompts import FewShotExample, choice_letter
from raycal.questions import BadRow, fingerprint, load
from raycal.questions.question import Kind, Question, Split
from raycal.questions.sources.base import QuestionSource
from raycal.store.keys import digest
from raycal.store.locations import Location
from raycal.store.schemas import Table
from raycal.store.store import Store

T = TypeVar("T")
_VERSION = "2"  # of how files become questions: another one has them read again
_SHARD_ROWS = 1024


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


def ingest(sources: Sequence[QuestionSource], splits: Sequence[Split], few_shot: int, store: Store) -> QuestionSet:
    """Stream every source into QUESTIONS, its malformed rows into BAD_QUESTIONS.

    Files that the store has are not read again. Raises QuestionSourceError for a source that cannot be read at all, and
    NoQuestionsError where there is nothing to ask.
    """
    pool = _ExamplePool(few_shot)
    shards: dict[Location, None] = {}  # a set that keeps its order
    asked, bad_rows, first_bad = 0, 0, None
    # What is wrong with any source as a whole is known before a question of the others is written.
    for source, attempts in [(source, load(source)) for source in sources]:
        found = _ingest(source, attempts, few_shot, store)
        pool.offer(found.candidates)
        shards |= dict.fromkeys(store.folder(Table.QUESTIONS, found.partition) / name for name in found.shards)
        asked += sum(count for split, count in found.questions.items() if split in splits)
        bad_rows += found.bad_rows
        first_bad = first_bad or found.first_bad
    if not asked:
        why = f"; {bad_rows} rows were malformed, the first at {first_bad}" if bad_rows else ""
        raise NoQuestionsError(f"the sources have no question in the splits {', '.join(splits)}{why}")
    return QuestionSet(tuple(shards), asked, bad_rows, first_bad, pool.examples())


@dataclass(frozen=True)
class _Candidate:
    """A question that may be shown as an example of its group; the least by rank are."""

    group: Group
    rank: tuple[bool, str]  # few_shot questions first, then train questions, by hash
    example: FewShotExample

    @classmethod
    def of(cls, question: Question) -> _Candidate:
        answer = question.answers[0]
        if question.kind is Kind.CHOICE:
            answer = choice_letter(question.choices, answer)
        return cls(
            (question.dataset, question.kind, question.subject),
            (question.split is Split.TRAIN, digest("few_shot", question.id)),
            FewShotExample(question.question, question.choices, answer),
        )


@dataclass(frozen=True)
class _Ingested:
    """What one source came to."""

    partition: str
    shards: tuple[str, ...]  # names in the partition
    questions: dict[Split, int]
    bad_rows: int
    first_bad: str | None
    candidates: tuple[_Candidate, ...]


_INGESTED = TypeAdapter(_Ingested)


def _ingest(source: QuestionSource, attempts: Iterator[Question | BadRow], few_shot: int, store: Store) -> _Ingested:
    content = fingerprint(source)
    # Of its content too: a question whose answer has changed has the same key, and both versions of it stay.
    partition = digest(source.identity(), *filter(None, [content]))[:16]
    if content is None:
        return _read(attempts, partition, few_shot, store)
    key = digest(_VERSION, source.identity(), content, few_shot)
    known = {Table.SOURCES: store.shards(Table.SOURCES, key)}
    for row in store.rows("SELECT ingested FROM sources", shards=known):
        found = _INGESTED.validate_json(row["ingested"])
        if {path.name for path in store.shards(Table.QUESTIONS, partition)} >= set(found.shards):
            return found
    found = _read(attempts, partition, few_shot, store)
    row = {"key": key, "source": source.model_dump_json(), "ingested": _INGESTED.dump_json(found).decode()}
    store.write(Table.SOURCES, key, [row])
    return found


def _read(attempts: Iterator[Question | BadRow], partition: str, few_shot: int, store: Store) -> _Ingested:
    pool = _ExamplePool(few_shot)
    shards: dict[str, None] = {}  # a set that keeps its order
    counts: Counter[Split] = Counter()
    bad_rows, first_bad = 0, None
    for chunk in _chunks(attempts, _SHARD_ROWS):
        questions = [item for item in chunk if isinstance(item, Question)]
        bad = [item for item in chunk if isinstance(item, BadRow)]
        shard = store.write(Table.QUESTIONS, partition, [_question_row(question) for question in questions])
        if shard is not None:
            shards[shard.name] = None
        store.write(Table.BAD_QUESTIONS, partition, [_bad_row(row) for row in bad])
        pool.offer(_Candidate.of(one) for one in questions if one.split in (Split.FEW_SHOT, Split.TRAIN))
        counts.update(question.split for question in questions)
        bad_rows += len(bad)
        if first_bad is None and bad:
            first_bad = f"{bad[0].location}: {bad[0].error}"
    return _Ingested(partition, tuple(shards), dict(counts), bad_rows, first_bad, tuple(pool.candidates()))


class _ExamplePool:
    """The few-shot examples of each group: the `size` least of the candidates.

    Calibration and test questions are never shown. Holds no more than `size` questions a group.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._best: dict[Group, list[_Candidate]] = defaultdict(list)

    def offer(self, candidates: Iterable[_Candidate]) -> None:
        if not self._size:
            return
        for candidate in candidates:
            best = self._best[candidate.group]
            if len(best) == self._size and candidate.rank > best[-1].rank:
                continue
            if all(candidate.rank[1] != other.rank[1] for other in best):
                best[:] = heapq.nsmallest(self._size, [*best, candidate], key=lambda one: one.rank)

    def candidates(self) -> Iterator[_Candidate]:
        for best in self._best.values():
            yield from best

    def examples(self) -> dict[Group, tuple[FewShotExample, ...]]:
        return {group: tuple(one.example for one in best) for group, best in self._best.items()}


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
