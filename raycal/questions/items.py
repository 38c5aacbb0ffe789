"""Items of a dataset: with choices, and then asked with them or without, or open-ended from the start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from raycal.questions.question import UNANSWERABLE, Kind, Question, QuestionError, Split
from raycal.store.keys import digest

_POINTS_AT_CHOICES = re.compile(
    r"\b(following|(which|all|any|each|one) of|of these|these are|except|true or false|statement \d"
    r"|which (one|answer|choice|option|pair|statement|sentence|phrase)s?"
    r"|best (describe|explain|illustrate|represent|summari[sz]e|define|characteri[sz]e|exemplifie)[sd]?"
    r"|(?-i:NOT|EXCEPT|LEAST))\b",
    re.IGNORECASE,
)
_LABEL = r"\(?([a-d]|[ivx]{1,3})\)?"
_VERDICT = "(true|false|yes|no|correct|incorrect|right|wrong)"
_ABOUT_CHOICES = re.compile(
    # All of these, None of the above are true, Both, All of the options given are correct
    r"\W*(all|none|any|both|neither|either)( of)?( the| these| them)?( (above|below|these|options|answers|choices))?\b"
    r"( (are|is) .*|( given| listed)?( (are|is) .*)?\W*)"
    r"|.*\b(all|none|any|both|neither|either) of the above\b.*"
    # B and C, (i) and (iii) only, I, II, and IV
    rf"|\W*((both|neither|only) )?{_LABEL}((,|,? and| or| nor| &) ?{_LABEL})+( only)?\W*"
    # 1 and 2 only
    r"|\W*\d(, \d)*,? (and|or) \d( only)?\W*"
    # True, False
    rf"|\W*{_VERDICT}(\W+{_VERDICT})*\W*",
    re.IGNORECASE | re.DOTALL,
)
NEEDS_CHOICES = "the question makes no sense without its choices, so it is not asked open-ended"


def needs_choices(question: str, answer: str) -> bool:
    """Whether an item makes no sense without its choices, by two rules on its text.

    1. The stem points at the choices: "which of the following", "which statement", "all of these", "except", "NOT",
       "best describes", "true or false", "Statement 1".
    2. The right choice is about other choices ("all of the above", "both A and B", "I and III only") or is no more than
       true, false, yes, no, correct or wrong.
    """
    return bool(_POINTS_AT_CHOICES.search(question) or _ABOUT_CHOICES.fullmatch(answer))


def shuffled(question: str, choices: Iterable[str]) -> tuple[str, ...]:
    """The choices in an order that depends only on the question's and the choices' texts, not on their given order."""
    return tuple(sorted(choices, key=lambda choice: digest("choice", question, choice)))


@dataclass(frozen=True, kw_only=True)
class ChoiceItem:
    """A stem, its choices, and the 0-based position of the right one."""

    usual_kind: ClassVar[Kind] = Kind.CHOICE

    question: str
    choices: tuple[str, ...]
    right: int
    subject: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.right < len(self.choices):
            raise QuestionError(f"there is no choice number {self.right + 1} among {len(self.choices)}")

    def ask(self, kind: Kind, *, dataset: str, split: Split) -> Question:
        """The item as a question of that kind; QuestionError where it has no such form."""
        answer = self.choices[self.right]
        if kind is Kind.OPEN and needs_choices(self.question, answer):
            raise QuestionError(NEEDS_CHOICES)
        return Question(
            dataset=dataset,
            kind=kind,
            question=self.question,
            answers=(answer,),
            choices=self.choices if kind is Kind.CHOICE else (),
            subject=self.subject,
            split=split,
            metadata=dict(self.metadata),
        )


@dataclass(frozen=True, kw_only=True)
class OpenItem:
    """A question with its accepted answers, in any number and with repetitions; unanswerable ones may have none."""

    usual_kind: ClassVar[Kind] = Kind.OPEN

    question: str
    answers: tuple[str, ...]
    answerable: bool = True
    subject: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def ask(self, kind: Kind, *, dataset: str, split: Split) -> Question:
        """The item as a question; QuestionError for a multiple-choice one, for which it has no choices."""
        return Question(
            dataset=dataset,
            kind=kind,
            question=self.question,
            answers=tuple(dict.fromkeys(self.answers)) if self.answerable else UNANSWERABLE,
            answerable=self.answerable,
            subject=self.subject,
            split=split,
            metadata=dict(self.metadata),
        )
