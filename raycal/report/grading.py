"""The part of a report that says who graded, and who judged which answers mean the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raycal.grading.agreement import Agreement
from raycal.report.labels import shown


@dataclass(frozen=True)
class ShownJudge:
    """A model that judged, and whether it is the one under test."""

    model: str
    is_under_test: bool

    def __str__(self) -> str:
        return "the model under test" if self.is_under_test else f"the model {self.model}"


@dataclass(frozen=True)
class ShownGrader:
    """A grader by its label, the model that it asked, if any, and how far the first grader agrees with it."""

    label: str
    judge: ShownJudge | None = None
    agreement: Agreement | None = None  # None: it is the first


@dataclass(frozen=True)
class Grading:
    """The graders, of which the first one's word counts, and the judge of equivalence, if one was asked."""

    graders: Sequence[ShownGrader] = ()
    equivalence: ShownJudge | None = None

    @property
    def sentences(self) -> list[str]:
        """For people; none where the run's record says nothing of it."""
        graded = [_first_sentence(self.graders[0])] if self.graders else []
        equivalence = [f"Which answers mean the same was judged by {self.equivalence}."] if self.equivalence else []
        return [*graded, *map(self._agreement_sentence, self.graders[1:]), *equivalence]

    def _agreement_sentence(self, other: ShownGrader) -> str:
        first = self.graders[0].label
        by = f" ({other.judge})" if other.judge else ""
        agreed = other.agreement
        if agreed is None or agreed.share is None:
            return f"{first} and {other.label}{by} cannot be compared: {agreed.reason if agreed else 'not recorded'}."
        kappa = f"no kappa: {agreed.reason}" if agreed.kappa is None else f"kappa {agreed.kappa:.2f}"
        return f"{first} and {other.label}{by} agree on {agreed.share:.1%} of {agreed.decided:,} answers, {kappa}."


def _first_sentence(grader: ShownGrader) -> str:
    if grader.judge is None:
        return f"The answers were graded by {grader.label}."
    own = ", which judged itself" if grader.judge.is_under_test else ""
    return f"The answers were graded by {grader.judge} ({grader.label}){own}."


def read_grading(record: Mapping[str, Any], agreement: Mapping[str, Mapping[str, Any]]) -> Grading:
    """Of a run's record: its columns grading and agreement. A run recorded by an older raycal says nothing."""
    graders = record.get("graders", [])
    return Grading(
        [
            ShownGrader(shown(row["label"]), _judge(row), _agreement(agreement, graders[0]["label"], row["label"]))
            for row in graders
        ],
        _judge(record.get("equivalence") or {}),
    )


def _judge(row: Mapping[str, Any]) -> ShownJudge | None:
    return ShownJudge(row["judge"], row["self_judged"]) if row.get("judge") else None


def _agreement(agreement: Mapping[str, Mapping[str, Any]], first: str, label: str) -> Agreement | None:
    row = agreement.get(f"{first} and {label}")
    return Agreement(**row) if row else None
