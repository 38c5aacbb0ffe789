from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from typing import Any

import pytest

from raycal.grading import match
from raycal.questions import BadRow, Kind, Question, QuestionSourceError, load
from raycal.questions.facts.fact import fold, parts
from raycal.questions.sources.worldfacts import RELATIONS, WorldFacts
from raycal.store.keys import digest


def questions(kind: Kind = Kind.OPEN, **settings: Any) -> list[Question]:
    rows = list(load(WorldFacts(kind=kind, **settings)))
    assert rows
    assert not any(isinstance(row, BadRow) for row in rows)
    return [row for row in rows if isinstance(row, Question)]


@pytest.fixture(scope="module")
def open_ended() -> list[Question]:
    return questions()


@pytest.fixture(scope="module")
def choice() -> list[Question]:
    return questions(Kind.CHOICE)


@pytest.fixture(scope="module")
def answers(open_ended: list[Question]) -> dict[str, tuple[str, ...]]:
    return {question.question: question.answers for question in open_ended}


def test_there_are_thousands_of_questions_in_many_relations(open_ended: list[Question]) -> None:
    sizes = Counter(question.subject for question in open_ended)
    assert sum(sizes.values()) >= 4000
    assert set(sizes) == set(RELATIONS)
    assert len(sizes) >= 10
    assert min(sizes.values()) >= 30


def test_every_question_is_asked_once(open_ended: list[Question], choice: list[Question]) -> None:
    assert len({question.question for question in open_ended}) == len(open_ended)
    ids = {question.id for question in (*open_ended, *choice)}
    assert len(ids) == len(open_ended) + len(choice)


def test_both_forms_ask_the_same_questions_in_the_same_order(
    open_ended: list[Question], choice: list[Question]
) -> None:
    assert [question.question for question in open_ended] == [question.question for question in choice]
    for asked, chosen in zip(open_ended, choice, strict=True):
        assert chosen.answers == asked.answers[:1]
        assert (chosen.subject, chosen.split, chosen.metadata) == (asked.subject, asked.split, asked.metadata)


def test_no_wrong_choice_is_an_accepted_answer(choice: list[Question], answers: dict[str, tuple[str, ...]]) -> None:
    for question in choice:
        accepted = {fold(answer) for answer in answers[question.question]}
        offered = [fold(text) for text in question.choices]
        assert len(set(offered)) == 4
        assert [text in accepted for text in offered].count(True) == 1


def test_wrong_choices_are_answers_of_the_same_relation(choice: list[Question]) -> None:
    right: defaultdict[str, set[str]] = defaultdict(set)
    for question in choice:
        right[question.subject].update(question.answers)
    assert all(set(question.choices) <= right[question.subject] for question in choice)


def test_the_right_choice_stands_everywhere_alike(choice: list[Question]) -> None:
    places = Counter(question.choices.index(question.answers[0]) for question in choice)
    expected = len(choice) / 4
    # Chi-squared with three degrees of freedom exceeds 16.3 once in a thousand times.
    assert sum((places[place] - expected) ** 2 / expected for place in range(4)) < 16.3


def test_no_question_tells_its_answer(open_ended: list[Question]) -> None:
    for question in open_ended:
        told = set(parts(fold(question.question)))
        assert not told & {fold(answer) for answer in question.answers}


def test_no_accepted_answer_is_part_of_a_wrong_one(open_ended: list[Question]) -> None:
    by_relation: defaultdict[str, set[str]] = defaultdict(set)
    for question in open_ended:
        by_relation[question.subject].update(fold(answer) for answer in question.answers)
    longer: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for relation, texts in by_relation.items():
        for text in texts:
            for part in parts(text):
                longer[relation, part].add(text)
    for question in open_ended:
        accepted = {fold(answer) for answer in question.answers}
        assert all(longer[question.subject, answer] <= accepted for answer in accepted)


def test_difficulty_runs_from_the_best_known_to_the_least(open_ended: list[Question]) -> None:
    difficulties: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for question in open_ended:
        difficulties[question.subject][question.question] = question.metadata["difficulty"]
    for of_relation in difficulties.values():
        assert (min(of_relation.values()), max(of_relation.values())) == (0, 1)
    capital, element = difficulties["country_capital"], difficulties["element_symbol"]
    assert capital["What is the capital of China?"] < capital["What is the capital of Tuvalu?"]
    assert element["What is the chemical symbol for hydrogen?"] < element["What is the chemical symbol for flerovium?"]


@pytest.mark.parametrize(
    ("question", "some_answers"),
    [
        ("What is the capital of France?", {"Paris"}),
        ("What is the capital of Ukraine?", {"Kyiv", "Kiev"}),
        ("What is the capital of the country of Georgia?", {"Tbilisi"}),
        ("What is the capital of the United States?", {"Washington", "Washington, D.C."}),
        ("What is the capital of Brazil?", {"Brasilia", "Brasília"}),
        ("Prague is the capital of which country?", {"Czechia", "Czech Republic"}),
        ("London is the capital of which country?", {"United Kingdom", "UK", "England", "Great Britain"}),
        ("What country is the city of Abidjan in?", {"Ivory Coast", "Côte d'Ivoire", "Cote d'Ivoire"}),
        ("What country is the city of Leeds in?", {"United Kingdom", "England"}),
        ("What country is the city of Chicago in?", {"USA", "US", "United States", "America"}),
        ("What country is the city of Yangon in?", {"Myanmar", "Burma"}),
        ("What US state is the city of Seattle in?", {"Washington"}),
        ("What continent is Kenya in?", {"Africa"}),
        ("What is the name of the currency of Poland?", {"złoty", "zloty"}),
        ("What is the name of the currency of Slovakia?", {"euro"}),
        (".at is the internet domain of which country?", {"Austria"}),
        ("Name a country that shares a land border with Portugal.", {"Spain"}),
        ("What is the capital city of the state of Nevada?", {"Carson City"}),
        ("Montpelier is the capital of which US state?", {"Vermont"}),
        ("What is the two-letter postal abbreviation of the US state of Texas?", {"TX"}),
        ("What is the chemical symbol for tungsten?", {"W"}),
        ("What chemical element has the symbol Al?", {"aluminum", "aluminium"}),
        ("What is the atomic number of gold?", {"79"}),
        ("What chemical element has the atomic number 16?", {"sulfur", "sulphur"}),
        ('What language has the ISO 639-1 code "fa"?', {"Persian", "Farsi"}),
    ],
)
def test_facts_that_everyone_can_check(
    answers: dict[str, tuple[str, ...]], question: str, some_answers: set[str]
) -> None:
    assert some_answers <= set(answers[question])


@pytest.mark.parametrize(
    "name",
    [
        "What is the capital of South Africa?",  # has three
        "What is the capital of Bolivia?",  # has two
        "What is the capital of Israel?",  # is disputed
        "What is the capital of Singapore?",  # is told by the question
        "Panama City is the capital of which country?",
        "What country is the city of Birmingham in?",  # a second large one in the United States
        "What country is the city of Hyderabad in?",  # and in Pakistan
        "What country is the city of Sevastopol in?",  # depends on who is asked
        "What country is the city of Brooklyn in?",  # is no city
        "What US state is the city of Portland in?",
        "What US state is the city of Springfield in?",
        "What US state is the city of Richmond in?",  # "Virginia" is part of "West Virginia"
        "What continent is Turkey in?",
        "What is the name of the currency of Canada?",  # "dollar" would fit a dozen
        "What is the chemical symbol for indium?",  # "In" is in any sentence
    ],
)
def test_what_is_ambiguous_is_not_asked(answers: dict[str, tuple[str, ...]], name: str) -> None:
    assert name not in answers


def test_arguable_borders_are_neither_right_nor_wrong(choice: list[Question]) -> None:
    [question] = [q for q in choice if q.question == "Name a country that shares a land border with Spain."]
    assert not {"Morocco", "United Kingdom", "Spain"} & set(question.choices)


def test_a_limit_is_a_sample_over_relations_and_difficulty(open_ended: list[Question]) -> None:
    sample = questions(limit=400)
    sizes = Counter(question.subject for question in sample)
    assert len(sample) == 400
    assert set(sizes) == set(RELATIONS)
    assert max(sizes.values()) <= 400 / len(RELATIONS) + 6
    bands = Counter(min(int(question.metadata["difficulty"] * 5), 4) for question in sample)
    assert all(60 < bands[band] < 100 for band in range(5))
    assert sample == open_ended[:400]


def test_relations_can_be_chosen_in_any_order() -> None:
    chosen = questions(relations=("state_capital", "element_symbol"))
    assert {question.subject for question in chosen} == {"state_capital", "element_symbol"}
    assert chosen == questions(relations=("element_symbol", "state_capital", "element_symbol"))


def test_an_unknown_relation_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(QuestionSourceError, match="no relation 'capital_countries': did you mean 'capital_country'"):
        load(WorldFacts(relations=("capital_countries",)))


def test_every_process_makes_the_same_questions(open_ended: list[Question], choice: list[Question]) -> None:
    script = (
        "from raycal.questions.sources.worldfacts import WorldFacts\n"
        "from raycal.store.keys import digest\n"
        "from raycal.questions import load\n"
        "print(digest(*load(WorldFacts()), *load(WorldFacts(kind='choice'))))"
    )
    another_order_of_sets = os.environ | {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}
    process = subprocess.run(
        [sys.executable, "-c", script], env=another_order_of_sets, capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == digest(*open_ended, *choice)


def test_the_match_grader_accepts_every_answer_and_no_wrong_choice(
    choice: list[Question], answers: dict[str, tuple[str, ...]]
) -> None:
    for question in choice:
        accepted = answers[question.question]
        for answer in accepted:
            assert match(f"The answer is {answer}.", accepted, kind=Kind.OPEN).correct
        for wrong in set(question.choices) - set(question.answers):
            assert not match(wrong, accepted, kind=Kind.OPEN).correct
