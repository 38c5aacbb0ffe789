from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.questions.facts import names
from raycal.questions.facts.cities import places
from raycal.questions.facts.countries import countries
from raycal.questions.facts.elements import elements
from raycal.questions.facts.fact import Fact, fold, parts, spellings, unaccented
from raycal.questions.facts.states import states
from raycal.questions.sources.worldfacts import unambiguous


def test_there_are_as_many_sovereign_states_as_there_should_be() -> None:
    # The 193 members of the United Nations and the Vatican.
    assert len(countries()) == 194


def test_no_two_countries_share_a_name() -> None:
    owners = Counter(name for country in countries().values() for name in {fold(name) for name in country.names})
    assert [name for name, count in owners.items() if count > 1] == []


def test_every_table_speaks_of_countries_that_there_are() -> None:
    known = set(countries())
    tables: tuple[Iterable[str], ...] = (
        names.USUAL_NAMES,
        names.ALIASES,
        names.WITH_ARTICLE,
        names.IN_QUESTIONS,
        names.WITHOUT_ONE_CAPITAL,
        names.USUAL_CAPITALS,
        names.CAPITAL_ALIASES,
        names.ON_TWO_CONTINENTS,
        names.CENTRAL_AMERICA,
        names.MISLEADING_OFFICIAL_NAMES,
        names.EURO_SINCE,
        *names.ARGUABLE_BORDERS,
    )
    for table in tables:
        assert set(table) <= known, table
    assert not names.NOT_ASKED & known
    assert set(names.CURRENCIES) <= {country.currency for country in countries().values()}


def test_borders_have_two_sides() -> None:
    known = countries()
    assert sum(len(country.neighbours) for country in known.values()) > 500
    for country in known.values():
        for neighbour in country.neighbours:
            assert neighbour not in known or country.code in known[neighbour].neighbours


def test_fifty_states_and_a_hundred_and_eighteen_elements() -> None:
    assert len(states()) == len({state.capital for state in states().values()}) == 50
    assert [element.number for element in elements()] == list(range(1, 119))


def test_places_come_by_size() -> None:
    populations = [place.population for place in places()]
    assert populations == sorted(populations, reverse=True)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Côte d'Ivoire", "cote divoire"),
        ("Guinea-Bissau", "guinea bissau"),
        ("Washington, D.C.", "washington dc"),
        ("Xi’an", "xian"),
        ("  São   Tomé ", "sao tome"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_accents_go_once_and_for_all(text: str) -> None:
    assert unaccented(unaccented(text)) == unaccented(text)


def test_spellings_of_names() -> None:
    assert spellings("Saint Lucia", "Curaçao", "Łódź") == (
        "Saint Lucia",
        "St. Lucia",
        "Curaçao",
        "Curacao",
        "Łódź",
        "Łodz",
    )


def test_parts_of_a_text_are_its_shorter_runs_of_words() -> None:
    assert set(parts("a b c")) == {"a", "b", "c", "a b", "b c"}
    assert list(parts("a")) == []


def fact(question: str, *answers: str) -> Fact:
    return Fact(question=question, answers=answers, prominence=0)


def test_a_fact_is_left_out_where_a_wrong_answer_holds_its_answer() -> None:
    facts = [fact("q1", "Virginia"), fact("q2", "West Virginia"), fact("q3", "Ohio")]
    assert [kept.question for kept in unambiguous(facts)] == ["q2", "q3"]


def test_an_alias_may_hold_another_one_of_the_same_answer() -> None:
    facts = [fact("q1", "United States", "United States of America"), fact("q2", "Peru")]
    assert list(unambiguous(facts)) == facts


def test_a_fact_is_left_out_where_the_question_holds_the_answer() -> None:
    facts = [fact("Where is Panama City?", "Panama"), fact("Where is Panamanian Colón?", "Panama")]
    assert [kept.question for kept in unambiguous(facts)] == ["Where is Panamanian Colón?"]


def test_questions_that_come_twice_are_left_out_altogether() -> None:
    facts = [fact("q", "a"), fact("q", "b"), fact("r", "c")]
    assert [kept.question for kept in unambiguous(facts)] == ["r"]
