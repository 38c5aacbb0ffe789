"""Graded answers, joined from the tables: what methods are fitted on, tuned on and exported."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow.compute as pc

from raycal.experiment.recipe import Recipe
from raycal.experiment.run import Run
from raycal.grading.grader import Grader
from raycal.models.prompts import Conversation, answer_prompt
from raycal.questions.question import Split
from raycal.stages.grade import grades_of
from raycal.store.keys import digest

_QUERY = """
    SELECT asked.answer_key, asked.samples_key, asked.question_id, asked.split, questions.dataset, questions.subject,
           questions.kind, questions.question, questions.choices, questions.answers AS accepted, answers.text AS answer
    FROM asked
    JOIN answers ON answers.key = asked.answer_key
    JOIN questions ON questions.key = asked.question_id
    WHERE answers.error IS NULL
    ORDER BY asked.answer_key
"""


@dataclass(frozen=True)
class GradedAnswer:
    """An answer with its question; `correct` is null where it has no grade."""

    answer_key: str
    samples_key: str
    question_id: str
    split: str
    dataset: str
    subject: str
    kind: str
    question: str
    choices: list[str]
    accepted: list[str]
    answer: str
    correct: bool | None


@dataclass(frozen=True)
class GradedKey:
    """A graded answer without its texts."""

    answer_key: str
    question_id: str
    correct: bool


G = TypeVar("G", GradedAnswer, GradedKey)


def answered(run: Run, splits: Collection[Split], grader: Grader | None = None) -> list[GradedAnswer]:
    """The run's answers in some splits with one grader's grades (the first grader's by default), in order of keys."""
    grades = grades_of(run, grader or run.experiment.grade.graders[0])
    rows = run.store.rows(_QUERY, shards=run.shards, extra={"asked": run.asked})
    return [GradedAnswer(**row, correct=grades.get(row["answer_key"])) for row in rows if row["split"] in splits]


def graded(run: Run, split: Split) -> list[GradedAnswer]:
    """The answers of a split that have a grade."""
    return [one for one in answered(run, [split]) if one.correct is not None]


def graded_keys(run: Run, split: Split) -> list[GradedKey]:
    """The answers of a split that have a grade; no text is read."""
    grades = grades_of(run, run.experiment.grade.graders[0])
    keys = run.asked.filter(pc.equal(run.asked["split"], str(split))).select(["answer_key", "question_id"])
    return [
        GradedKey(**row, correct=correct)
        for row in keys.to_pylist()
        if (correct := grades.get(row["answer_key"])) is not None
    ]


def first_by_hash(rows: Collection[G], count: int | None, seed: int) -> list[G]:
    """The first `count` of some answers (None: all) in an order of the seed: fewer are always part of more."""
    return sorted(rows, key=lambda row: digest("training", seed, row.question_id))[:count]


def grades_digest(rows: Collection[GradedAnswer] | Collection[GradedKey]) -> str:
    """A hash of what is fitted on: answers with their grades, in any order."""
    return digest(*sorted(f"{row.answer_key}:{row.correct}" for row in rows))


def conversation(recipe: Recipe, row: Mapping[str, Any], *, few_shot: bool) -> Conversation:
    """The conversation that asked a question: with the examples it was asked with, or without any.

    row: dataset, subject, question and choices.
    """
    if few_shot:
        return recipe.asked(row["dataset"], row["subject"], row["question"], row["choices"])
    return answer_prompt(row["question"], row["choices"], ())
