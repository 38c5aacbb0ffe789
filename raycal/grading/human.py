"""People's grades, which a file brings in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raycal.grading.grader import GRADERS, ImportedGrader


@GRADERS.register("human")
class Human(ImportedGrader):
    """People, whose grades `raycal import-graded` brings in."""

    grader: Literal["human"] = "human"

    @property
    def key_name(self) -> str:
        """See ImportedGrader."""
        return "human"


@dataclass(frozen=True)
class HumanGrade:
    """A person's verdict on an answer, and where it stands: a file and its line or row."""

    correct: bool
    location: str
