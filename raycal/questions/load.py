"""One way into every source of questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from raycal.questions import files, hub, mmlu, worldfacts
from raycal.questions.question import Question, QuestionError
from raycal.questions.rows import Attempt, BadRow

if TYPE_CHECKING:
    from raycal.config import QuestionSource

DUPLICATE = "the same question stands earlier in the source"


def load(source: QuestionSource) -> Iterator[Question | BadRow]:
    """A source's questions, each id once, and a BadRow for every row that became none, so that counts add up.

    The order is the same in every process. Raises QuestionSourceError, before any question, where the source as a whole
    is at fault: a missing or empty file, an unknown column, relation, subject or mapping.
    """
    return _each_once(_attempts(source))


def _attempts(source: QuestionSource) -> Iterator[Attempt]:
    if source.source == "worldfacts":
        return worldfacts.load(source)
    if source.source == "file":
        return files.load(source)
    if source.source == "mmlu":
        return mmlu.load(source)
    return hub.load(source)


def _each_once(attempts: Iterator[Attempt]) -> Iterator[Question | BadRow]:
    seen: set[bytes] = set()
    for attempt in attempts:
        outcome = attempt.outcome
        if isinstance(outcome, QuestionError):
            yield BadRow.of(attempt, str(outcome))
            continue
        key = bytes.fromhex(outcome.id)
        if key in seen:
            yield BadRow.of(attempt, DUPLICATE)
            continue
        seen.add(key)
        yield outcome
