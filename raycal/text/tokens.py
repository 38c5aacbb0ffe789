"""Words, numbers, symbols and punctuation marks of a text, in order and folded."""

from __future__ import annotations

import re
import unicodedata

from raycal.text.dates import DATE_PATTERN, canonical_date
from raycal.text.fold import fold
from raycal.text.numerals import (
    NUMBER_PATTERN,
    SCIENTIFIC_PATTERN,
    canonical_number,
    canonical_scientific,
    ordinal,
)
from raycal.text.units import CURRENCIES, UNIT_PATTERN

MARKS = '.,;:!?()"—-/|'
_KEPT = frozenset(MARKS + "'%^°#" + CURRENCIES)
_MINUS_MONEY = re.compile(rf"(?<![\w)%])-([{CURRENCIES}])(?=[0-9.])")  # -$5 is $-5

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without spaces: a character is a word
_SYMBOLS = "^%°" + CURRENCIES
_WORD_CHARACTER = rf"[^\s{re.escape(MARKS + _SYMBOLS)}'#+=<>±×÷√∞≤≥≠≈~{_CJK}]"
_TOKEN = re.compile(
    rf"""
    (?P<date>{DATE_PATTERN})
  | (?P<decade>[0-9]{{3,4}}'?s(?!\w)|'[2-9]0'?s(?!\w)|(?<=the\ )[2-9]0'?s(?!\w))
  | (?P<scientific>{SCIENTIFIC_PATTERN})
  | (?P<compound>[0-9]+(?:\.[0-9]+){{2,9}}(?![\w.])(?!,[0-9])(?<!\.[0-9]{{3}})
        | (?:(?<![\w.)%])-)?[0-9]+(?:[.,][0-9]+)?(?:[/:-][0-9]+(?:[.,][0-9]+)?){{1,6}}(?![\w]))
  | (?P<number>(?:(?<![\w.)%])[+-])?{NUMBER_PATTERN}
        (?:(?!\w|\.[0-9])|(?=(?:{UNIT_PATTERN})(?!\w)))
        | (?:(?<![\w.)%])[+-])?(?<!\w)\.[0-9]+(?!\w))
  | (?P<ordinal>[0-9]{{1,18}})(?:st|nd|rd|th)(?!\w)
  | (?P<unit>(?:(?:m/s|[cdkm]?m|mi|ft)\^?[23]|km/h|m/s|°\s?[cf])(?!\w))
  | (?P<word>[{_CJK}]|{_WORD_CHARACTER}+(?:'{_WORD_CHARACTER}+)*(?:[+#]+(?!\w))?)
  | (?P<other>\S)
    """,
    re.VERBOSE,
)


def tokenize(text: str) -> list[str]:
    """The pieces of a text; numbers and dates are in canonical spelling."""
    pieces: list[str] = []
    plain = "".join(_plain(character) for character in fold(text))
    for match in _TOKEN.finditer(_MINUS_MONEY.sub(r"\1-", plain)):
        kind, piece = match.lastgroup, match[0]
        if match["date"]:
            piece = canonical_date(match)
        elif match["decade"]:
            piece = piece.replace("'", "") if len(piece) > 4 else f"19{piece.strip(_QUOTE)[:2]}s"
        elif match["scientific"]:
            piece = canonical_scientific(piece)
        elif match["number"]:
            piece = canonical_number(piece)
        elif match["ordinal"]:
            piece = ordinal(int(match["ordinal"]))
        elif match["unit"]:
            piece = re.sub(r"[\s^]", "", piece)  # 5 km^2 is 5 km2, and not 5 km
        elif kind == "word":
            piece = piece.replace("'", "")
        elif piece == "-" and not _is_hyphen(match):
            piece = "—"
        elif piece in "'#":
            continue
        pieces.append(piece)
    return pieces


_QUOTE = "'"


def _plain(character: str) -> str:
    # Markdown's asterisks and underscores, emoji and control characters separate words and mean nothing. Mathematical
    # symbols (category Sm) are words of their own, so that x + 1 differs from x = 1.
    category = unicodedata.category(character)
    return character if category[0] in "LMN" or category == "Sm" or character in _KEPT else " "


def _is_hyphen(match: re.Match[str]) -> bool:
    text, position = match.string, match.start()
    return text[position - 1 : position].isalnum() and text[position + 1 : position + 2].isalnum()
