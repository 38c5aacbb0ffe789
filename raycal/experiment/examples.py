"""The few-shot examples: which questions are shown, with their answers, in front of others of their group."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from raycal.experiment.recipe import Group
from raycal.models.prompts import FewShotExample, choice_letter
from raycal.questions.question import Kind, Question, Split
from raycal.store.keys import digest

SHOWN = (Split.FEW_SHOT, Split.TRAIN)  # the splits that examples are taken from


@dataclass(frozen=True)
class Candidate:
    """A question that may be shown as an example of its group; the least by rank are."""

    group: Group
    rank: tuple[bool, str]  # few_shot questions first, then train questions, by hash
    example: FewShotExample

    @classmethod
    def of(cls, question: Question) -> Candidate:
        """A question of the few-shot or the train split."""
        answer = question.answers[0]
        if question.kind is Kind.CHOICE:
            answer = choice_letter(question.choices, answer)
        return cls(
            (question.dataset, question.kind, question.subject),
            (question.split is Split.TRAIN, digest("few_shot", question.id)),
            FewShotExample(question.question, question.choices, answer),
        )


class ExamplePool:
    """The few-shot examples of each group: the `size` least of the candidates.

    Calibration and test questions are never shown. Holds no more than `size` questions a group.
    """

    def __init__(self, size: int) -> None:
        """size: of each group's examples."""
        self._size = size
        self._best: dict[Group, list[Candidate]] = defaultdict(list)

    def offer(self, candidates: Iterable[Candidate]) -> None:
        """Take those of some candidates that are among the least of their groups."""
        if not self._size:
            return
        for candidate in candidates:
            best = self._best[candidate.group]
            if len(best) == self._size and candidate.rank > best[-1].rank:
                continue
            if all(candidate.rank[1] != other.rank[1] for other in best):
                best[:] = heapq.nsmallest(self._size, [*best, candidate], key=lambda one: one.rank)

    def candidates(self) -> Iterator[Candidate]:
        """Those that were taken."""
        for best in self._best.values():
            yield from best

    def examples(self) -> dict[Group, tuple[FewShotExample, ...]]:
        """What is shown in front of each group's questions."""
        return {group: tuple(one.example for one in best) for group, best in self._best.items()}
