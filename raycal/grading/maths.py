"""The math grader: the rules of `match`, and for open answers the value of expressions, as LaTeX or plain text.

"3/24" is 1/8, "x = 5" is 5, and sets, intervals and matrices are equal where their members are. What `match` takes for
right is right; the value is asked where the reply answers something else in its wording. math-verify (Hugging Face)
reads and compares; see `raycal.grading.expressions` for the limits in time and memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from raycal.grading.expressions import SECONDS, equal_values
from raycal.grading.grader import GRADERS, AnsweredQuestion, Grade, PureGrader
from raycal.grading.match import MATCH_VERSION, Match, Reason
from raycal.questions.question import Kind
from raycal.text.final_answer import final_part

MATH_VERSION = "1"
EQUAL_VALUE = "equal value"
_COMPARED = frozenset({Reason.DIFFERENT, Reason.SEVERAL})


@GRADERS.register("math")
class Math(PureGrader):
    """The rules of `match`, and equality of mathematical expressions."""

    grader: Literal["math"] = "math"

    @property
    def key_name(self) -> str:
        """See PureGrader."""
        return f"math/{MATH_VERSION}/{MATCH_VERSION}"

    def grade(self, questions: Sequence[AnsweredQuestion]) -> list[Grade]:
        """See PureGrader; undecided where an expression took too long. Raises ValueError as `match` does."""
        grades = Match().grade(questions)
        pairs = [
            (row, (final_part(accepted) or accepted, grade.extracted))
            for row, (question, grade) in enumerate(zip(questions, grades, strict=True))
            if question.kind is Kind.OPEN and question.answerable and grade.reason in _COMPARED
            for accepted in question.accepted
        ]
        for (row, _), equal in zip(pairs, equal_values([pair for _, pair in pairs]), strict=True):
            if equal:
                grades[row] = replace(grades[row], correct=True, reason=EQUAL_VALUE)
            elif equal is None and not grades[row].correct:
                grades[row] = replace(grades[row], correct=None, reason=f"not compared within {SECONDS:.0f} s")
        return grades
