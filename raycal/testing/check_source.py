"""Checks that every question source passes, ours and those of other packages."""

from __future__ import annotations

import pickle
from itertools import islice

from pydantic import TypeAdapter

from raycal.questions.question import Question
from raycal.questions.rows import Attempt
from raycal.questions.sources.base import SOURCES, AnySource, QuestionSource
from raycal.questions.sources.load import load

_MOST = 500  # rows that are looked at


def check_source(source: QuestionSource) -> None:
    """Check what raycal relies on of a question source; AssertionError says what does not hold.

    >>> from raycal.questions.sources.worldfacts import WorldFacts
    >>> check_source(WorldFacts(limit=20))
    """
    assert SOURCES.get(source.source) is type(source), f"SOURCES has another class as {source.source!r}: register this"
    again = TypeAdapter(AnySource).validate_json(source.model_dump_json())
    assert again == source, "a source is what its JSON says: it is stored as that"
    assert pickle.loads(pickle.dumps(source)) == source, "a source travels to other processes"  # noqa: S301 - our own
    assert all(path.is_file() for path in source.files()), "files: those that are there"
    attempts = list(islice(source.attempts(), _MOST))
    assert attempts, "attempts: at least one row"
    repeated = [_shown(attempt) for attempt in islice(again.attempts(), _MOST)]
    assert [_shown(attempt) for attempt in attempts] == repeated, "attempts: the same rows in the same order each time"
    assert all(attempt.dataset and attempt.location for attempt in attempts), "attempts: each has a dataset and a place"
    questions = [question for question in islice(load(source), _MOST) if isinstance(question, Question)]
    assert questions, "attempts: at least one of them is a question"
    assert len({question.id for question in questions}) == len(questions), "questions: their ids differ"
    assert all(question.answers for question in questions), "questions: each has an accepted answer"


def _shown(attempt: Attempt) -> tuple[str, str, object]:
    is_question = isinstance(attempt.outcome, Question)
    return attempt.dataset, attempt.location, attempt.outcome if is_question else str(attempt.outcome)
