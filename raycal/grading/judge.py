"""Judges: a language model is asked whether an answer is correct, or whether two answers mean the same."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from raycal.grading.grader import GRADERS, AnsweredQuestion, JudgeModel, ModelGrader
from raycal.models.prompts import (
    EQUIVALENCE_PLACEHOLDERS,
    JUDGE_PLACEHOLDERS,
    Conversation,
    check_placeholders,
    equivalence_prompt,
    judge_prompt,
)


def _for_a_grade(text: str) -> str:
    return check_placeholders(text, JUDGE_PLACEHOLDERS)


def _for_equivalence(text: str) -> str:
    return check_placeholders(text, EQUIVALENCE_PLACEHOLDERS)


@GRADERS.register("judge")
class Judge(ModelGrader):
    """A model that is asked whether an answer means the same as one of the accepted answers."""

    grader: Literal["judge"] = "judge"
    prompt: Annotated[str, AfterValidator(_for_a_grade)] | None = None  # with {question}, {answers} and {answer}

    def conversation(self, question: AnsweredQuestion) -> Conversation:
        """See ModelGrader."""
        return judge_prompt(question.question, question.accepted, question.answer, self.prompt)

    def _shown_option(self, name: str, value: Any) -> str:
        return "own prompt" if name == "prompt" else super()._shown_option(name, value)


class EquivalenceJudge(JudgeModel):
    """A model that is asked which answers mean the same, for the methods with `equivalence: judge`."""

    prompt: Annotated[str, AfterValidator(_for_equivalence)] | None = None  # with {question}, {left} and {right}

    def conversation(self, question: str, left: str, right: str) -> Conversation:
        """What the model is asked about two answers to a question."""
        return equivalence_prompt(question, left, right, self.prompt)
