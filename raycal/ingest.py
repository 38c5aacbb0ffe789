"""Loaders' questions into the store: the stage before every other."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from raycal.config import QuestionSource
from raycal.keys import digest
from raycal.location import Location
from raycal.prompts import Example, choice_letter
from raycal.questions import BadRow, load
from raycal.questions.question import Kind, Question, Split
from raycal.schemas import Table
from raycal.store import Store

T = TypeVar("T")
_SHARD_ROWS = 1024


class NoQuestionsError(ValueError):
    """None of the sources has a question to ask."""


@dataclass(frozen=True)
class QuestionSet:
    """The questions of an experiment, as shards of QUESTIONS."""

    shards: tuple[Location, ...]
    questions: int  # those in the splits that are asked
    bad_rows: int
    first_bad: str | None  # where the first of them is, and what was wrong with it
    examples: Mapping[tuple[str, str], tuple[Example, ...]]  # (dataset, subject) -> few-shot examples


def ingest(sources: Sequence[QuestionSource], splits: Sequence[Split], few_shot: int, store: Store) -> QuestionSet:
    """Stream every source into QUESTIONS, its malformed rows into BAD_QUESTIONS.

    Raises QuestionSourceError for a source that cannot be read at all, and NoQuestionsError where there is nothing to
    ask.
    """
    pool = _ExamplePool(few_shot)
    shards: dict[Location, None] = {}  # a set that keeps its order
    asked, bad_rows, first_bad = 0, 0, None
    for source in sources:
        partition = digest(source.model_dump_json())[:16]
        for chunk in _chunks(load(source), _SHARD_ROWS):
            questions = [item for item in chunk if isinstance(item, Question)]
            bad = [item for item in chunk if isinstance(item, BadRow)]
            shard = store.write(Table.QUESTIONS, partition, [_question_row(question) for question in questions])
            if shard is not None:
                shards[shard] = None
            store.write(Table.BAD_QUESTIONS, partition, [_bad_row(row) for row in bad])
            pool.offer(questions)
            asked += sum(question.split in splits for question in questions)
            bad_rows += len(bad)
            if first_bad is None and bad:
                first_bad = f"{bad[0].location}: {bad[0].error}"
    if not asked:
        why = f"; {bad_rows} rows were malformed, the first at {first_bad}" if bad_rows else ""
        raise NoQuestionsError(f"the sources have no question in the splits {', '.join(splits)}{why}")
    return QuestionSet(tuple(shards), asked, bad_rows, first_bad, pool.examples())


class _ExamplePool:
    """The few-shot examples of each dataset and subject: few_shot questions first, then train questions, by hash.

    Calibration and test questions are never shown. Holds no more than `size` questions a subject.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._best: dict[tuple[str, str], list[tuple[int, str, Question]]] = defaultdict(list)

    def offer(self, questions: Iterable[Question]) -> None:
        for question in questions:
            if question.split not in (Split.FEW_SHOT, Split.TRAIN) or not self._size:
                continue
            best = self._best[question.dataset, question.subject]
            rank = (int(question.split is Split.TRAIN), digest("few_shot", question.id), question)
            if all(rank[1] != other[1] for other in best):
                best[:] = heapq.nsmallest(self._size, [*best, rank], key=lambda one: one[:2])

    def examples(self) -> dict[tuple[str, str], tuple[Example, ...]]:
        return {group: tuple(_example(question) for *_, question in best) for group, best in self._best.items()}


def _example(question: Question) -> Example:
    answer = question.answers[0]
    if question.kind is Kind.CHOICE:
        answer = choice_letter(question.choices, answer)
    return Example(question.question, question.choices, answer)


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
