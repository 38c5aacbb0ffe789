"""A grader that goes by an answer's last word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from raycal.grading.grader import GRADERS, AnsweredQuestion, Grade, PureGrader


@GRADERS.register("last_word")
class LastWord(PureGrader):
    """Correct where the last word is that of an accepted answer."""

    grader: Literal["last_word"] = "last_word"
    case: bool = False

    def grade(self, questions: Sequence[AnsweredQuestion]) -> list[Grade]:
        return [self._grade(row) for row in questions]

    def _grade(self, row: AnsweredQuestion) -> Grade:
        words = [self._last(text) for text in (row.answer, *row.accepted)]
        return Grade(words[0] in words[1:] if words[0] else None, words[0], "last word")

    def _last(self, text: str) -> str:
        return " ".join((text if self.case else text.casefold()).split()[-1:])
