"""One way into every source of questions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from raycal.questions.question import Question, QuestionError
from raycal.questions.rows import Attempt, BadRow
from raycal.questions.sources.base import QuestionSource
from raycal.store.key_set import GrowingKeySet
from raycal.store.keys import digest

DUPLICATE = "the same question stands earlier in the source"
_CHUNK = 256  # attempts that are looked at together


def load(source: QuestionSource) -> Iterator[Question | BadRow]:
    """A source's questions, each id once, and a BadRow for every row that became none, so that counts add up.

    The order is the same in every process. Raises QuestionSourceError, before any question, where the source as a whole
    is at fault: a missing or empty file, an unknown column, relation, subject or mapping.
    """
    return _each_once(source.attempts())


def fingerprint(source: QuestionSource) -> str | None:
    """A hash of the files that a source is read from; None where it is read from anything else."""
    files = source.files()
    return _content(files) if files else None


def _content(paths: Sequence[Path]) -> str:
    parts = []
    for path in paths:
        with path.open("rb") as file:
            parts += [path.name, hashlib.file_digest(file, "blake2b").hexdigest()]
    return digest(*parts)


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
