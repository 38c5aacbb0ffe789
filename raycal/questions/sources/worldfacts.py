"""The built-in questions: short facts about countries, cities, elements and languages, made from packages of data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Literal

from pydantic import Field

from raycal.questions.facts import cities, countries, elements, languages, states
from raycal.questions.facts.fact import Fact, fold, parts
from raycal.questions.items import shuffled
from raycal.questions.question import Kind, Question, split_of
from raycal.questions.rows import Attempt, QuestionSourceError
from raycal.questions.sources.base import SOURCES, QuestionSource
from raycal.store.keys import digest
from raycal.text.suggest import nearest

DATASET = "worldfacts"
RELATIONS: dict[str, Callable[[], Iterable[Fact]]] = {
    **cities.RELATIONS,
    **countries.RELATIONS,
    **states.RELATIONS,
    **elements.RELATIONS,
    **languages.RELATIONS,
}
_WRONG_CHOICES = 3
_BANDS = 5  # of difficulty, over which a limited sample is spread


@SOURCES.register("worldfacts")
class WorldFacts(QuestionSource):
    """The built-in questions, made from packages of facts."""

    source: Literal["worldfacts"] = "worldfacts"
    kind: Kind = Kind.OPEN
    relations: tuple[str, ...] = ()  # empty: all of them
    limit: int | None = Field(None, ge=1)

    def attempts(self) -> Iterator[Attempt]:
        """See QuestionSource, and `load`."""
        return load(self)


def load(source: WorldFacts) -> Iterator[Attempt]:
    """Every fact of the relations as a question; the subject is the relation, metadata["difficulty"] in [0, 1].

    The difficulty is the fact's rank by prominence (population, atomic number) in its relation, 0 the best known.
    Open-ended and multiple-choice forms have the same questions in the same order, which takes relations and bands of
    difficulty in turn: a `limit` is a sample spread over both, and a larger limit contains a smaller one.
    QuestionSourceError for an unknown relation.
    """
    for relation in source.relations:
        if relation not in RELATIONS:
            raise QuestionSourceError(f"worldfacts has no relation {relation!r}: {nearest(relation, RELATIONS)}")
    names = sorted(set(source.relations or RELATIONS))
    questions = _spread([question for name in names for question in _questions(name, source.kind)])
    return (
        Attempt(dataset=DATASET, location=question.subject, raw=question.question, outcome=question)
        for question in questions[: source.limit]
    )


def _spread(questions: Sequence[Question]) -> list[Question]:
    """The questions with the cells of relation and difficulty taken in turn, by a hash within each."""
    cells: defaultdict[tuple[str, int], list[Question]] = defaultdict(list)
    order = {question.question: digest("order", question.question) for question in questions}
    for question in sorted(questions, key=lambda question: order[question.question]):
        cells[question.subject, min(int(question.metadata["difficulty"] * _BANDS), _BANDS - 1)].append(question)
    ranked = [(rank, order[q.question], q) for cell in cells.values() for rank, q in enumerate(cell)]
    return [question for *_, question in sorted(ranked, key=lambda entry: entry[:2])]


@cache  # the facts are the same for as long as their packages are
def _questions(relation: str, kind: Kind) -> tuple[Question, ...]:
    facts = sorted(unambiguous(list(RELATIONS[relation]())), key=lambda fact: (-fact.prominence, fact.question))
    wrong_choices = _WrongChoices(facts)
    return tuple(
        Question(
            dataset=DATASET,
            kind=kind,
            question=fact.question,
            answers=fact.answers if kind is Kind.OPEN else (fact.answers[0],),
            choices=shuffled(fact.question, (fact.answers[0], *wrong_choices.of(fact))) if kind is Kind.CHOICE else (),
            subject=relation,
            split=split_of(fact.question),
            metadata={"difficulty": round(rank / max(len(facts) - 1, 1), 4)},
        )
        for rank, fact in enumerate(facts)
    )


def unambiguous(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The facts that no grader of texts can get wrong.

    Left out are questions that occur twice, that contain their answer ("the capital of Guatemala City"), and those of
    which an answer is part of another one that is wrong ("Virginia" in "West Virginia").
    """
    asked: defaultdict[str, int] = defaultdict(int)
    longer: defaultdict[str, set[str]] = defaultdict(set)
    for fact in facts:
        asked[fact.question] += 1
    for answer in {fold(answer) for fact in facts for answer in fact.answers}:
        for part in parts(answer):
            longer[part].add(answer)
    for fact in facts:
        accepted = {fold(answer) for answer in fact.answers}
        told = accepted & {fold(fact.question), *parts(fold(fact.question))}
        if asked[fact.question] == 1 and not told and not any(longer[answer] - accepted for answer in accepted):
            yield fact


class _WrongChoices:
    """Wrong choices for the facts of one relation, picked by a hash, from the fact's own group where it has enough."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._all = {fold(fact.answers[0]): fact.answers[0] for fact in facts}
        self._groups: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for fact in facts:
            self._groups[fact.group][fold(fact.answers[0])] = fact.answers[0]

    def of(self, fact: Fact) -> list[str]:
        out = {fold(answer) for answer in (*fact.answers, *fact.barred)}
        chosen = self._pick(fact, self._groups[fact.group], out, _WRONG_CHOICES)
        return chosen + self._pick(fact, self._all, out.union(map(fold, chosen)), _WRONG_CHOICES - len(chosen))

    @staticmethod
    def _pick(fact: Fact, pool: dict[str, str], out: set[str], count: int) -> list[str]:
        if count == 0:
            return []
        left = [answer for key, answer in pool.items() if key not in out]
        return sorted(left, key=lambda answer: digest("wrong", fact.question, answer))[:count]
