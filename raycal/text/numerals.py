"""Numbers, units and dates within tokenised text, in one spelling each.

"1,000", "1000.0" and "one thousand" become "1000"; "$18" and "18 dollars" become "18 $"; "December 14, 1972" and
"14 December 1972 UTC" become "1972-12-14". Units are spelt alike, never converted. All text is expected folded
(`raycal.text.normalize.fold`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


def listed(words: str) -> list[str]:
    """The words of a space-separated list: closed word classes read better as one line than one a line."""
    return words.split()


_SMALL = {
    word: value
    for value, word in enumerate(
        listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        )
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
_SMALL_ORDINALS = {
    word: value
    for value, word in enumerate(
        listed(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
            "fifteenth sixteenth seventeenth eighteenth nineteenth"
        ),
        start=1,
    )
}
_TENS_ORDINALS = {f"{word[:-1]}ieth": value for word, value in _TENS.items()}
_CARDINALS = _SMALL | _TENS
_ORDINALS = _SMALL_ORDINALS | _TENS_ORDINALS
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

# "one" is a pronoun rather than a number beside these words.
_BEFORE_PRONOUN = frozenset(listed("no the this that any each every another which"))
_AFTER_PRONOUN = frozenset(listed("of who which that another"))

_UNIT_SPELLINGS = {
    "%": "% percent pct",
    "$": "$ dollar dollars usd",
    "€": "€ euro euros eur",
    "pound": "£ pound pounds gbp lb lbs",  # money or weight: the question tells
    "¥": "¥ yen jpy",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "m": "m meter meters metre metres",
    "km": "km kms kilometer kilometers kilometre kilometres",
    "mi": "mi mile miles",
    "ft": "ft foot feet",
    "inch": "inch inches",
    "mg": "mg milligram milligrams",
    "g": "g gram grams gramme grammes",
    "kg": "kg kgs kilogram kilograms kilogramme kilogrammes",
    "t": "t ton tons tonne tonnes",
    "l": "l liter liters litre litres",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "km/h": "km/h kph",
    "mph": "mph",
    "m/s": "m/s",
    "hz": "hz hertz",
    "w": "w watt watts",
    "v": "v volt volts",
    "°": "° degree degrees",
    "°c": "°c celsius centigrade",
    "°f": "°f fahrenheit",
    "k": "k kelvin kelvins",
}
_UNITS = {spelling: unit for unit, spellings in _UNIT_SPELLINGS.items() for spelling in listed(spellings)}
CURRENCIES = "$€£¥"

# Units as they may stand directly behind a number's last digit ("5km"), the longest spelling first.
UNIT_PATTERN = "|".join(re.escape(spelling) for spelling in sorted(_UNITS, key=len, reverse=True))

_MONTHS = listed("january february march april may june july august september october november december")
_MONTH = "|".join(f"{name}|{name[:3]}" for name in _MONTHS) + "|sept"
_WEEKDAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
DATE_PATTERN = rf"""
    (?:{_WEEKDAY},?\s+)?
    (?:
        (?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})\b(?:\.?,?\s+(?P<year>[0-9]{{4}}))?
      | (?P<us_month>{_MONTH})\.?\s+(?P<us_day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<us_year>[0-9]{{4}}))?
      | (?P<bare_month>{_MONTH})\.?,?\s+(?:of\s+)?(?P<bare_year>[0-9]{{4}})
      | (?P<iso_year>[0-9]{{4}})-(?P<iso_month>[0-9]{{2}})-(?P<iso_day>[0-9]{{2}})
    )
    (?:\s+(?:utc|gmt))?(?![\w-])
"""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?|--[0-9]{2}-[0-9]{2}")


def is_number(word: str) -> bool:
    """Whether a word is a number in canonical spelling."""
    return _NUMBER.fullmatch(word) is not None


def is_year(word: str) -> bool:
    """Whether a word is a number that reads as a year: a whole number from 1000 to 2100."""
    return word.isascii() and word.isdigit() and len(word) == 4 and 1000 <= int(word) <= 2100


def is_unit(word: str) -> bool:
    """Whether a word is a unit in canonical spelling."""
    return word in _UNIT_SPELLINGS


def covers(accepted: str, given: str) -> bool:
    """Whether a given word says all that the accepted word says: they are equal, or it is a more precise date."""
    if accepted == given:
        return True
    if not _DATE.fullmatch(given):
        return False
    if accepted.startswith("--"):
        return given.endswith(accepted[1:])
    return (is_year(accepted) or bool(_DATE.fullmatch(accepted))) and given.startswith(f"{accepted}-")


def canonical_date(match: re.Match[str]) -> str:
    """A match of DATE_PATTERN as YYYY-MM-DD, YYYY-MM or --MM-DD (ISO 8601)."""
    group = match.groupdict()
    name = group["month"] or group["us_month"] or group["bare_month"]
    month = int(group["iso_month"]) if name is None else 1 + [m[:3] for m in _MONTHS].index(name[:3])
    year = group["year"] or group["us_year"] or group["bare_year"] or group["iso_year"]
    day = group["day"] or group["us_day"] or group["iso_day"]
    return f"{year or '-'}-{month:02d}" + (f"-{int(day):02d}" if day else "")


def canonical_number(digits: str) -> str:
    """A decimal number without separators, plus sign and trailing zeros: "+1,000.50" is "1000.5"."""
    whole, _, fraction = digits.replace(",", "").removeprefix("+").partition(".")
    fraction = fraction.rstrip("0")
    number = f"{whole if whole.strip('-') else whole + '0'}" + (f".{fraction}" if fraction else "")
    return number.removeprefix("-") if not number.strip("-0.") else number


def ordinal(value: int) -> str:
    """1 is "1st", 22 is "22nd", 113 is "113th"."""
    suffix = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{suffix}"


def spell_alike(tokens: Sequence[str]) -> list[str]:
    """Tokens with number words as digits, magnitudes multiplied out, and units in one spelling behind their number."""
    return _with_units(_with_digits(tokens))


@dataclass
class _Cardinal:
    """A number in words, as far as it has been read."""

    total: int = 0  # of finished groups of thousands
    group: int = 0
    scale: int = 10**15  # of the last finished group: groups come in falling order
    started: bool = False

    def add(self, word: str) -> bool:
        """Read one more word; False, and nothing changed, where it cannot continue the number."""
        value = _CARDINALS.get(word)
        if value is not None and value < self._room() and (value > 0 or not self.started):
            self.group += value
        elif word == "hundred" and 0 < self.group < 100:
            self.group *= 100
        elif word in _SCALES and self.group and _SCALES[word] < self.scale:
            self.scale = _SCALES[word]
            self.total += self.group * self.scale
            self.group = 0
        else:
            return False
        self.started = True
        return True

    def joins(self, token: str) -> bool:
        """Whether the token may stand in front of the number's next word: twenty-one, hundred and one."""
        match token:
            case "-":
                return self.started
            case "and":
                return self.started and self.group % 100 == 0
            case ",":
                return self.started and self.group == 0
            case _:
                return False

    def ordinal(self, word: str) -> int | None:
        """The ordinal that the word completes, or None where it cannot end this number."""
        value = _ORDINALS.get(word)
        return None if value is None or value >= self._room() else self.value + value

    @property
    def value(self) -> int:
        return self.total + self.group

    def _room(self) -> int:
        """The next cardinal must be smaller: 100 behind hundreds or nothing, 10 behind tens, 0 behind units."""
        if self.started and self.value == 0:
            return 0
        if self.group % 100 == 0:
            return 100
        return 10 if self.group % 10 == 0 and self.group % 100 >= 20 else 0


def _read_words(tokens: Sequence[str], start: int) -> tuple[str, int] | None:
    """The number in words that begins at `start`, and the position behind it."""
    number, position = _Cardinal(), start
    if tokens[start] in ("a", "an") and tokens[start + 1 : start + 2] in (["hundred"], *([s] for s in _SCALES)):
        number.add("one")
        position += 1
    while position < len(tokens):
        word = position + (number.joins(tokens[position]) and position + 1 < len(tokens))
        last = number.ordinal(tokens[word])
        if last is not None:
            return ordinal(last), word + 1
        if not number.add(tokens[word]):
            break
        position = word + 1
    return (str(number.value), position) if number.started else None


def _with_digits(tokens: Sequence[str]) -> list[str]:
    result: list[str] = []
    position = 0
    while position < len(tokens):
        word, previous = tokens[position], result[-1] if result else ""
        following = tokens[position + 1] if position + 1 < len(tokens) else ""
        pronoun = word == "one" and (previous in _BEFORE_PRONOUN or following in _AFTER_PRONOUN)
        unit = is_number(previous) and word in _UNITS  # a second is a unit behind a number
        read = None if pronoun or unit else _read_words(tokens, position)
        if read is not None:
            word, position = read
        else:
            position += 1
            if word in _SCALES and is_number(previous):
                word = canonical_number(format(Decimal(result.pop()) * _SCALES[word], "f"))
        if previous in ("minus", "negative") and is_number(word) and not word.startswith("-"):
            result.pop()
            word = f"-{word}"
        result.append(word)
    return result


def _with_units(tokens: Sequence[str]) -> list[str]:
    result: list[str] = []
    for position, word in enumerate(tokens):
        previous = result[-1] if result else ""
        if is_number(word) and previous and previous in CURRENCIES:
            result[-1:] = [word, _UNITS[previous]]
        elif previous == "per" and word == "cent":
            result[-1] = "%"
        elif previous == "°" and word in ("°c", "celsius", "centigrade", "°f", "fahrenheit"):
            result[-1] = _UNITS[word]
        elif word in _UNITS and (is_number(previous) or (previous == "-" and is_number(tokens[position - 2]))):
            if previous == "-":  # "a 5-km run"
                result.pop()
            result.append(_UNITS[word])
        else:
            result.append(word)
    return result
