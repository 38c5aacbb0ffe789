"""Numbers and booleans of experiment files: their plain spellings, and nothing else in their place."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args, get_origin

_DIGITS = "[0-9]+(?:_[0-9]+)*"
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*|0x[0-9a-fA-F]+|0b[01]+)")
_FRACTION = re.compile(
    rf"[-+]?(?:(?:{_DIGITS})?\.{_DIGITS}|{_DIGITS}\.)(?:[eE][-+]?[0-9]+)?|[-+]?{_DIGITS}[eE][-+]?[0-9]+"
)
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def plain_number(text: str) -> int | float:
    """The number that a text spells. ValueError where it spells none, or one that is read in several ways.

    >>> plain_number("1_000"), plain_number("1e-4")
    (1000, 0.0001)
    >>> plain_number("010")
    Traceback (most recent call last):
        ...
    ValueError: '010' is no plain number: write digits, without a zero in front and without colons
    """
    if _WHOLE.fullmatch(text):
        return int(text, 0)
    if _FRACTION.fullmatch(text):
        return float(text)
    raise ValueError(f"{text!r} is no plain number: write digits, without a zero in front and without colons")


def plain_value(value: Any, annotation: Any) -> Any:
    """A value for an option of a type; a text that spells a number or a boolean becomes that.

    Raises ValueError for a boolean where the type is a number, for a number where it is a boolean, and for a text that
    spells neither plainly. Items of lists are treated alike; whatever else is wrong is left to the type.
    """
    kinds = set(_kinds(annotation))
    if isinstance(value, list | tuple):
        return type(value)(_plain_item(item, kinds) for item in value)
    return _plain_item(value, kinds)


def _plain_item(value: Any, kinds: set[Any]) -> Any:
    is_number, is_switch = bool(kinds & {int, float}), bool in kinds
    match value:
        case bool() if is_number and not is_switch:
            raise ValueError(f"write a number, and not {str(value).lower()} (yes, no, on and off are booleans too)")
        case int() | float() if is_switch and not is_number and not isinstance(value, bool):
            raise ValueError(f"write true or false, and not {value}")
        case str() if is_number and kinds <= {int, float, bool}:
            return plain_number(value)
        case str() if is_switch and kinds <= {bool}:
            if value.lower() not in _SWITCHES:
                raise ValueError(f"write true or false, and not {value!r}")
            return _SWITCHES[value.lower()]
    return value


def _kinds(annotation: Any) -> list[Any]:
    """The types that an annotation is made of, without containers and None."""
    if get_origin(annotation) is Literal:
        return [type(choice) for choice in get_args(annotation)]
    if members := get_args(annotation):
        return [kind for member in members for kind in _kinds(member)]
    return [annotation] if isinstance(annotation, type) and annotation is not type(None) else []
