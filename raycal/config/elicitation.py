"""What every question is asked, and who grades the answers."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from raycal.config.section import Section
from raycal.questions.question import Split


class Samples(Section):
    """The k sampled answers; setting k to 0 samples none."""

    k: int = Field(10, ge=0, le=1024)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(0.95, gt=0, le=1)


class ElicitConfig(Section):
    """What every question is asked; the follow-up queries derive from the methods."""

    max_tokens: int = Field(30, ge=1)
    first_line: bool = True  # an answer ends with its first line; false for answers that reason first
    few_shot: int = Field(0, ge=0)  # examples in front of each question, of its own subject where there are enough
    samples: Samples = Samples()
    sampled: tuple[Split, ...] = (Split.CALIBRATION, Split.TEST)  # which get samples and queries beside their answers


class Grader(StrEnum):
    """Who decides whether an answer is correct."""

    MATCH = "match"
    JUDGE = "judge"
    HUMAN = "human"  # grades that `raycal import-graded` brings in


class GradeConfig(Section):
    """The first grader's word counts; agreement with the others is reported."""

    graders: tuple[Grader, ...] = Field((Grader.MATCH,), min_length=1)
