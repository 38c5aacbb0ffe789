"""A question source: sums of small numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from raycal.questions.question import Kind, Question, split_of
from raycal.questions.rows import Attempt
from raycal.questions.sources.base import SOURCES, QuestionSource


@SOURCES.register("sums")
class Sums(QuestionSource):
    """Questions such as "What is 3 + 4?"."""

    source: Literal["sums"] = "sums"
    up_to: int = 9

    def attempts(self) -> Iterator[Attempt]:
        for a in range(1, self.up_to + 1):
            for b in range(a, self.up_to + 1):
                text = f"What is {a} + {b}?"
                question = Question(
                    dataset="sums", kind=Kind.OPEN, question=text, answers=(str(a + b),), split=split_of(text)
                )
                yield Attempt(dataset="sums", location=f"sums:{a}+{b}", raw=text, outcome=question)
