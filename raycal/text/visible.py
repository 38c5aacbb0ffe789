"""Characters that are not seen but obeyed: those that control a terminal or the direction of writing, as marks."""

from __future__ import annotations

import re

# Not line ends and tabs. Lone surrogates stand for bytes that no encoding has, and cannot be written at all.
_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_DIRECTION = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = re.compile(f"[{_CONTROL}{_DIRECTION}]")
_COLOR = re.compile(r"\x1b\[[\d;]*m")
_UNSEEN_BUT_COLORS = re.compile(rf"(?!{_COLOR.pattern})[{_CONTROL}{_DIRECTION}]")


def visible(text: str, *, colors: bool = False) -> str:
    """A text with control characters, and those of the direction of writing, as marks.

    colors: whether a terminal's colors stay, as a log may have them.

    >>> visible("name\\u202egpj.exe"), visible("\\x1b[2J")
    ('name<U+202E>gpj.exe', '<U+001B>[2J')
    """
    return (_UNSEEN_BUT_COLORS if colors else _UNSEEN).sub(lambda character: f"<U+{ord(character[0]):04X}>", text)


def without_colors(text: str) -> str:
    """A text without a terminal's colors.

    >>> without_colors("\\x1b[36mray::run()\\x1b[39m failed")
    'ray::run() failed'
    """
    return _COLOR.sub("", text)


def escaped_json(document: str) -> str:
    """A JSON document with the same characters written as JSON's own escapes: it says the same."""
    return _UNSEEN.sub(lambda character: f"\\u{ord(character[0]):04x}", document)
