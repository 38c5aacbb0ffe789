"""Numbers in one spelling: "1,000", "1000.0" and "1e3" are "1000", "0.50" is "0.5" and "2/6" is "1/3"."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

# What stands in figures for one number. Marks between digits are read by one rule: groups of three behind commas,
# spaces, apostrophes, or two or more points, are thousands; any other comma is a decimal comma.
_GROUPED = r"[0-9]{1,3}(?:(?:,[0-9]{3})+|(?:\ [0-9]{3})+|(?:'[0-9]{3})+)(?![0-9])(?![,'\ ][0-9]{3}(?![0-9]))"
_POINTED = r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}(?![0-9])|[0-9]{1,3}(?:\.[0-9]{3}){2,}(?![0-9.])"
_COMMA = r"(?<![0-9],)(?:0,[0-9]+|[0-9]+,(?:[0-9]{1,2}|[0-9]{4,}))(?![0-9]|,[0-9])"
NUMBER_PATTERN = rf"(?:{_POINTED}|{_COMMA}|(?:{_GROUPED}|[0-9]+)(?:\.[0-9]+)?)"
_TIMES_TEN = r"(?:\s?[x×*]\s?10\^[+-]?[0-9]{1,3}(?!\w))"
_EXPONENT = r"(?:e[+-]?[0-9]{1,3}(?!\w))"
SCIENTIFIC_PATTERN = rf"[+-]?[0-9]+(?:\.[0-9]+)?(?:{_EXPONENT}|{_TIMES_TEN})|(?<![\w^])10\^[+-]?[0-9]{{1,3}}(?!\w)"

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+|/[0-9]+)?")
_RANGE = re.compile(rf"({_NUMBER.pattern})-({_NUMBER.pattern})")
_FRACTION = re.compile(r"(-?[0-9]{1,9})/([0-9]{1,9})")
_LONGEST = 18  # digits of what is calculated with


def listed(words: str) -> list[str]:
    """The words of a space-separated list: closed word classes read better as one line than one a line."""
    return words.split()


def is_number(word: str) -> bool:
    """Whether a word is a number in canonical spelling: a decimal, or a fraction that has none."""
    return _NUMBER.fullmatch(word) is not None


def is_whole(word: str) -> bool:
    """Whether a word is a whole number that is not negative, of a size to calculate with."""
    return word.isascii() and word.isdigit() and len(word) <= _LONGEST


def canonical_number(digits: str) -> str:
    """A number of NUMBER_PATTERN without separators, plus sign and trailing zeros: "+1,000.50" is "1000.5"."""
    whole, _, fraction = _decimal_point(digits).removeprefix("+").partition(".")
    fraction = fraction.rstrip("0")
    number = f"{whole if whole.strip('-') else whole + '0'}" + (f".{fraction}" if fraction else "")
    return number.removeprefix("-") if not number.strip("-0.") else number


def canonical_scientific(text: str) -> str:
    """A number of SCIENTIFIC_PATTERN written out: "6.02 x 10^2" is "602"."""
    mantissa, _, exponent = re.sub(r"\s?[x×*]\s?10\^", "e", text).rpartition("e")
    if not mantissa:
        mantissa, exponent = "1", text.rpartition("^")[2]
    return canonical_number(format(Decimal(mantissa).scaleb(int(exponent)), "f"))


def canonical_fraction(word: str) -> str | None:
    """A fraction as a decimal where it has a finite one, else in lowest terms; None for another word.

    >>> canonical_fraction("3/4"), canonical_fraction("2/6")
    ('0.75', '1/3')
    """
    match = _FRACTION.fullmatch(word)
    if match is None or int(match[2]) == 0:
        return None
    return spelt(Fraction(int(match[1]), int(match[2])))


def value_of(word: str) -> Fraction | None:
    """The value of a number in canonical spelling; None for another word, or one of too many digits."""
    if not is_number(word) or len(word) > 2 * _LONGEST or word.endswith("/0"):
        return None
    return Fraction(word)


def spelt(value: Fraction) -> str:
    """A value in canonical spelling."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest > 1:
        return f"{value.numerator}/{value.denominator}"
    return canonical_number(format(Decimal(value.numerator) / Decimal(value.denominator), "f"))


def range_bounds(word: str) -> tuple[str, str] | None:
    """The lower and upper number of a range, "5-10"; None for another word, also for one that falls, such as a score.

    An abbreviated upper year is completed: "1914-18" is 1914 to 1918.
    """
    match = _RANGE.fullmatch(word)
    if match is None:
        return None
    low, high = match[1], match[2]
    if is_whole(low) and is_whole(high) and len(low) == 4 and len(high) == 2:
        high = low[:2] + high
    lower, upper = value_of(low), value_of(high)
    return (low, high) if lower is not None and upper is not None and lower < upper else None


def ordinal(value: int) -> str:
    """1 is "1st", 22 is "22nd", 113 is "113th"."""
    suffix = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{suffix}"


def _decimal_point(digits: str) -> str:
    """Digits without marks between thousands, and with a point in front of decimals."""
    bare = digits.replace(" ", "").replace("'", "")
    if re.fullmatch(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{3}){2,})", bare):
        return bare.replace(".", "").replace(",", ".")
    if re.fullmatch(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?", bare) and not re.match(r"[+-]?0,", bare):
        return bare.replace(",", "")
    return bare.replace(",", ".")
