"""Questions: their identity, and the side of the split on which each stands."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from string import ascii_uppercase
from typing import Any

from raycal.errors import RaycalError
from raycal.store.keys import digest


class Kind(StrEnum):
    """How a question is to be answered."""

    OPEN = "open"
    CHOICE = "choice"


class Split(StrEnum):
    """What a question may be used for; `few_shot` questions are shown as examples and never asked."""

    FEW_SHOT = "few_shot"
    TRAIN = "train"
    CALIBRATION = "calibration"
    TEST = "test"


# Shares of the hash range. They are part of what makes published numbers comparable: do not make them an option.
_TRAIN_SHARE = 0.50
_CALIBRATION_SHARE = 0.15

# Accepted answers of a question that has none; the first is what an example shows.
UNANSWERABLE: tuple[str, ...] = ("unanswerable", "the question cannot be answered", "nobody knows")


class QuestionError(RaycalError, ValueError):
    """A row that cannot become a question; the message says why."""


def split_of(question: str) -> Split:
    """The side on which a question stands: 50 % train, 15 % calibration, 35 % test, by a hash of its text alone.

    Case, width and spacing do not count, nor do dataset, choices or kind: the open-ended and the multiple-choice form
    of one question are always on the same side, in any run.
    """
    text = " ".join(unicodedata.normalize("NFKC", question).casefold().split())
    position = int(digest("split", text)[:13], 16) / 16**13
    if position < _TRAIN_SHARE:
        return Split.TRAIN
    return Split.CALIBRATION if position < _TRAIN_SHARE + _CALIBRATION_SHARE else Split.TEST


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question with its accepted answers.

    `choices` is empty exactly when `kind` is open, and holds at most 26. `answers` holds every accepted answer as text;
    for a choice question it is the text of the right choice (raycal derives the letter). `answerable` is false where an
    open question has no answer and right is to say so: its `answers` are UNANSWERABLE. `metadata` must be
    JSON-serialisable. Raises QuestionError where these do not hold.
    """

    dataset: str
    kind: Kind
    question: str
    answers: tuple[str, ...]
    choices: tuple[str, ...] = ()
    subject: str = ""
    split: Split
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)
    answerable: bool = True

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise QuestionError("the question is empty")
        if not self.answers or not all(answer.strip() for answer in self.answers):
            raise QuestionError("there is no accepted answer, or an empty one")
        if not self.answerable and (self.kind is Kind.CHOICE or self.answers != UNANSWERABLE):
            raise QuestionError("an unanswerable question has neither choices nor answers of its own")
        if len(self.choices) > len(ascii_uppercase):
            raise QuestionError(
                f"there are {len(self.choices)} choices, but only {len(ascii_uppercase)} letters for them"
            )
        if (self.kind is Kind.CHOICE) != bool(self.choices):
            raise QuestionError(f"a {self.kind} question cannot have {len(self.choices)} choices")
        if self.choices and not set(self.answers) <= set(self.choices):
            raise QuestionError(f"the answer {self.answers[0]!r} is not among the choices {list(self.choices)}")
        if any(self.choices.count(answer) > 1 for answer in self.answers):
            raise QuestionError(f"the answer {self.answers[0]!r} stands twice among the choices {list(self.choices)}")

    @property
    def id(self) -> str:
        """A hash of what is asked (dataset, kind, question, choices), not of the answers: regrading keeps samples."""
        return digest(self.dataset, self.kind, self.question, *self.choices)
