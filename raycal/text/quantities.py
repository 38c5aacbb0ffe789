"""Quantities within tokenised text, one word each where their parts cannot be told apart.

A range ("5 to 10 km"), a compound ("6 feet 2 inches") and a rate ("10 metres per second") are one quantity, so that no
part of them is taken for an answer. All text is expected folded and in pieces (`raycal.text.tokens`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from raycal.text.number_words import with_digits
from raycal.text.numerals import canonical_fraction, is_number, is_whole, range_bounds, spelt, value_of
from raycal.text.units import CODES, CURRENCIES, UNITS, is_smaller, is_unit

_DEGREES = ("°c", "celsius", "centigrade", "°f", "fahrenheit")
_SQUARES = {"square": "2", "sq": "2", "squared": "2", "cubic": "3", "cu": "3", "cubed": "3"}
_JOINS = frozenset({"to", "—", "-", "through", "until", "till", "~"})
_DECADE = re.compile(r"[0-9]{4}s")
_OPERATORS = frozenset({"=", "+", "×", "÷", "*", "—"})


def spell_alike(tokens: Sequence[str]) -> list[str]:
    """Tokens with number words as digits, magnitudes multiplied out, and units in one spelling behind their number."""
    return _with_units(with_digits(tokens))


def join_quantities(tokens: Sequence[str]) -> list[str]:
    """Tokens that are spelt alike, with fractions, rates, compounds and ranges as one word each."""
    steps: tuple[Callable[[Sequence[str]], list[str]], ...] = (
        _with_fractions, _without_uncertainty, _with_rates, _with_compounds, _with_ranges,
    )  # fmt: skip
    joined = list(tokens)
    if not any(token[:1].isdigit() or token[:1] == "-" for token in tokens):
        return joined
    for step in steps:
        joined = step(joined)
    return joined


def is_amount(word: str) -> bool:
    """Whether a word is a number or a range, behind which a unit may stand."""
    return is_number(word) or range_bounds(word) is not None


def _with_units(tokens: Sequence[str]) -> list[str]:
    result: list[str] = []
    for position, word in enumerate(tokens):
        previous = result[-1] if result else ""
        if is_amount(word) and previous and (previous in CURRENCIES or previous in CODES):
            result[-1:] = [word, UNITS.get(previous, previous)]
        elif previous == "per" and word == "cent":
            result[-1] = "%"
        elif previous == "°" and word in _DEGREES:
            result[-1] = UNITS[word]
        elif word in UNITS and (is_amount(previous) or (previous == "-" and is_number(tokens[position - 2]))):
            if previous == "-":  # "a 5-km run"
                result.pop()
            result.append(UNITS[word])
        elif is_unit(previous) and previous == UNITS.get(word) and is_amount(result[-2] if len(result) > 1 else ""):
            continue  # "$5 USD"
        elif previous == "ad" and is_whole(word):
            result[-1:] = [word, previous]
        else:
            result.append(word)
    return result


def _with_fractions(tokens: Sequence[str]) -> list[str]:
    """ "1/2" is "0.5", and "1 1/4" is "1.25"."""
    result: list[str] = []
    for word in tokens:
        fraction = canonical_fraction(word)
        part = value_of(fraction) if fraction else None
        if fraction is None or part is None:
            result.append(word)
        elif result and is_whole(result[-1]) and 0 < part < 1:
            result[-1] = spelt(int(result[-1]) + part)
        elif result[-1:] == ["and"] and is_whole(result[-2] if len(result) > 1 else "") and 0 < part < 1:
            result[-2:] = [spelt(int(result[-2]) + part)]
        else:
            result.append(fraction)
    return result


def _without_uncertainty(tokens: Sequence[str]) -> list[str]:
    """ "9.81 ± 0.02 m/s2" is "9.81 m/s2", while "±3" stays."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        behind = tokens[position + 1] if position + 1 < len(tokens) else ""
        before = result[-1] if result else ""
        if tokens[position] == "±" and is_number(behind):
            if is_number(before) or (is_unit(before) and len(result) > 1 and is_number(result[-2])):
                position += 2
                if is_unit(before) and tokens[position : position + 1] == [before]:
                    position += 1
                continue
            result.append(f"±{behind}")
            position += 2
            continue
        result.append(tokens[position])
        position += 1
    return result


def _with_rates(tokens: Sequence[str]) -> list[str]:
    """Units with their squares and cubes, and with what they are counted per."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        word, behind = tokens[position], tokens[position + 1] if position + 1 < len(tokens) else ""
        before = result[-1] if result else ""
        power = _SQUARES.get(word)
        if power and is_amount(before) and behind in UNITS:
            result.append(UNITS[behind] + power)
            position += 2
        elif power and is_unit(before) and f"{before}{power}" and is_amount(result[-2] if len(result) > 1 else ""):
            result[-1] = f"{before}{power}"
            position += 1
        elif word in ("per", "/") and behind.isalpha() and (is_unit(before) or (is_amount(before) and behind in UNITS)):
            rate = f"/{UNITS.get(behind, behind)}"
            if is_amount(before):
                result.append(rate)
            else:
                result[-1] = before + rate
            position += 2
        else:
            result.append(word)
            position += 1
    return result


def _with_compounds(tokens: Sequence[str]) -> list[str]:
    """ "6 ft 2 inch" is the one word "6ft2inch"."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        parts, stop = _compound(tokens, position)
        if len(parts) > 1:
            result.append("".join(parts))
            position = stop
        else:
            result.append(tokens[position])
            position += 1
    return result


def _compound(tokens: Sequence[str], start: int) -> tuple[list[str], int]:
    """The parts of a compound quantity that starts here, each of a smaller unit, and the position behind it."""
    parts: list[str] = []
    position, stop, unit = start, start, ""
    while position + 1 < len(tokens) and is_number(tokens[position]):
        smaller = _unit_at(tokens, position + 1, unit)
        if not smaller or (unit and not is_smaller(smaller, unit)):
            break
        parts.append(tokens[position] + smaller)
        unit = smaller
        position = stop = position + 2
        joint = tokens[position : position + 2]
        position += 2 if joint == [",", "and"] else 1 if joint[:1] in (["and"], [","]) else 0
    return parts, stop


def _unit_at(tokens: Sequence[str], position: int, larger: str) -> str:
    """The unit at a position, "in" behind feet and "m" behind hours among them; empty where there is none."""
    word = tokens[position] if position < len(tokens) else ""
    if larger == "ft" and word == "in":
        return "inch"
    if larger == "h" and word == "m":
        return "min"
    return word if is_unit(word) else ""


def _with_ranges(tokens: Sequence[str]) -> list[str]:
    """ "5 km to 10 km", "between 5 and 10 km" and "5 - 10 km" are "5-10 km"; what falls is a difference or a score."""
    result: list[str] = []
    position = 0
    while position < len(tokens):
        word = tokens[position]
        bounds = range_bounds(word)
        joined = ("-".join(bounds), position + 1) if bounds else _joined(tokens, position, result)
        if joined is None:
            result.append(word)
            position += 1
            continue
        if not bounds and result and result[-1] in ("between", "from"):
            result.pop()
        result.append(joined[0])
        position = joined[1]
    return result


def _joined(tokens: Sequence[str], start: int, before: Sequence[str]) -> tuple[str, int] | None:
    """A quantity of two numbers that starts here, and the position of its unit, or of what stands behind."""
    word = tokens[start]
    joint, behind = _at(tokens, start + 1), _at(tokens, start + 2)
    if joint == "to" and _DECADE.fullmatch(word) and _DECADE.fullmatch(behind):
        return f"{word}-{behind}", start + 3
    if not is_number(word):
        return None
    if joint == "by" and is_number(behind):
        return f"{word}x{behind}", start + 3
    return _range(tokens, start, before)


def _range(tokens: Sequence[str], start: int, before: Sequence[str]) -> tuple[str, int] | None:
    unit = _at(tokens, start + 1) if is_unit(_at(tokens, start + 1)) else ""
    joint = start + 1 + bool(unit)
    high, behind = _at(tokens, joint + 1), _at(tokens, joint + 2)
    between = _at(tokens, joint) == "and" and before[-1:] == ["between"]
    if not between and _at(tokens, joint) not in _JOINS:
        return None
    if behind in _OPERATORS or (before and before[-1] in _OPERATORS) or (unit and behind != unit):
        return None
    bounds = range_bounds(f"{tokens[start]}-{high}")
    return None if bounds is None else ("-".join(bounds), joint + 2)


def _at(tokens: Sequence[str], position: int) -> str:
    """The token at a position; empty behind the last one."""
    return tokens[position] if position < len(tokens) else ""
