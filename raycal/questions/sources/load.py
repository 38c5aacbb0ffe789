"""One way into every source of questions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from raycal.questions.question import Question, QuestionError
from raycal.questions.rows import Attempt, BadRow
from raycal.questions.sources import file as files
from raycal.questions.sources import hub, mmlu, worldfacts
from raycal.store.key_set import GrowingKeySet
from raycal.store.keys import digest

if TYPE_CHECKING:
    from raycal.questions.sources.config import QuestionSource

DUPLICATE = "the same question stands earlier in the source"
_CHUNK = 256  # attempts that are looked at together


def load(source: QuestionSource) -> Iterator[Question | BadRow]:
    """A source's questions, each id once, and a BadRow for every row that became none, so that counts add up.

    The order is the same in every process. Raises QuestionSourceError, before any question, where the source as a whole
    is at fault: a missing or empty file, an unknown column, relation, subject or mapping.
    """
    return _each_once(_attempts(source))


def fingerprint(source: QuestionSource) -> str | None:
    """A hash of the files that a source is read from; None where it is read from anything else."""
    if source.source == "file":
        return _content([source.path])
    if source.source == "mmlu":
        return _content(sorted(source.path.glob("*/*.csv")))
    return None


def _content(paths: list[Path]) -> str:
    parts = []
    for path in paths:
        with path.open("rb") as file:
            parts += [path.name, hashlib.file_digest(file, "blake2b").hexdigest()]
    return digest(*parts)


def _attempts(source: QuestionSource) -> Iterator[Attempt]:
    if source.source == "worldfacts":
        return worldfacts.load(source)
    if source.source == "file":
        return files.load(source)
    if source.source == "mmlu":
        return mmlu.load(source)
    return hub.load(source)


def _each_once(attempts: Iterator[Attempt]) -> Iterator[Question | BadRow]:
    seen = GrowingKeySet()
    while chunk := list(islice(attempts, _CHUNK)):
        ids = [attempt.outcome.id for attempt in chunk if isinstance(attempt.outcome, Question)]
        is_new = iter(seen.add(ids).tolist())
        for attempt in chunk:
            if isinstance(attempt.outcome, QuestionError):
                yield BadRow.of(attempt, str(attempt.outcome))
            else:
                yield attempt.outcome if next(is_new) else BadRow.of(attempt, DUPLICATE)
