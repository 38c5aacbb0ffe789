"""Text as the graders and the equivalences see it: folded, split into words, and normalised.

Two texts that differ in case, width, accents, articles, punctuation, spacing, or the spelling of numbers, units and
dates have one normal form. Word boundaries are kept: nothing here compares parts of words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from raycal.text.numerals import (
    CURRENCIES,
    DATE_PATTERN,
    UNIT_PATTERN,
    canonical_date,
    canonical_number,
    ordinal,
    spell_alike,
)

ARTICLES = frozenset({"a", "an", "the"})

# Letters that Unicode does not decompose, and the many shapes of quotes and dashes.
_ALIKE = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
    | dict.fromkeys("’‘‛ʼʻʹ`´", "'")
    | dict.fromkeys("“”„«»", '"')
    | dict.fromkeys("‐‑‒–−", "-")
    | {"—": " — ", "―": " — ", "&": " and ", "。": ".", "、": ",", "[": "(", "]": ")", "{": "(", "}": ")"}
)
_MARKS = '.,;:!?()"—-/|'
_KEPT = frozenset(_MARKS + "'%^°#" + CURRENCIES)
_ACCENTS = re.compile("[\u0300-\u036f]")
# Powers, which are other numbers without their "^", but not the charges of ions (Ca²⁺).
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWER = re.compile(rf"(?<=[^\W_{_RAISED}])[⁺⁻]?[{_RAISED}]+(?![⁺⁻{_RAISED}])")
# U.S.A., D.C, R. H. Thomson: dotted initials are one word.
_INITIALS = re.compile(r"(?<![\w.])[^\W\d_](?:\.\s?[^\W\d_])*\.\s?[^\W\d_]\.|(?<![\w.])[^\W\d_](?:\.[^\W\d_])+(?!\w)")

_MINUS_MONEY = re.compile(rf"(?<![\w)%])-([{CURRENCIES}])(?=[0-9.])")  # -$5 is $-5

_OPERAND = re.compile(r"[a-z]|-?[0-9]+(?:\.[0-9]+)?|[()]")

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without spaces: a character is a word
_SYMBOLS = "^%°" + CURRENCIES
_WORD_CHARACTER = rf"[^\s{re.escape(_MARKS + _SYMBOLS)}'#+=<>±×÷√∞≤≥≠≈~{_CJK}]"
_TOKEN = re.compile(
    rf"""
    (?P<date>{DATE_PATTERN})
  | (?P<compound>[0-9]+(?:\.[0-9]+){{2,}}(?![\w])
        | [0-9]+(?:[.,][0-9]+)*(?:[/:-][0-9]+(?:[.,][0-9]+)*)+(?![\w]))
  | (?P<number>(?:(?<![\w.)%])[+-])?(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?
        (?:(?!\w|\.[0-9])|(?=(?:{UNIT_PATTERN})(?!\w)))
        | (?:(?<![\w.)%])[+-])?(?<!\w)\.[0-9]+(?!\w))
  | (?P<ordinal>[0-9]{{1,18}})(?:st|nd|rd|th)(?!\w)
  | (?P<unit>(?:(?:m/s|[cdkm]?m|mi|ft)\^?[23]|km/h|m/s|°\s?[cf])(?!\w))
  | (?P<word>[{_CJK}]|{_WORD_CHARACTER}+(?:'{_WORD_CHARACTER}+)*(?:[+#]+(?!\w))?)
  | (?P<other>\S)
    """,
    re.VERBOSE,
)


def first_line(text: str) -> str:
    """The first line that holds anything, stripped; empty where none does."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def last_line(text: str) -> str:
    """The last line that holds anything, stripped; empty where none does."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def short_numbers(text: str) -> str:
    """A text with its decimals in three digits: those of searched options have sixteen."""
    return re.sub(r"\d+\.\d{4,}(e[-+]?\d+)?", lambda found: f"{float(found[0]):.3g}", text)


def fold(text: str) -> str:
    """Text in lower case, normal width, without accents, and with plain quotes, dashes, powers and dotted initials.

    Accents are the combining marks of Latin, Greek and Cyrillic letters; other scripts' marks are part of the word.
    """
    text = _POWER.sub(r"^\g<0>", text)
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _ACCENTS.sub("", unicodedata.normalize("NFD", text)).translate(_ALIKE)
    text = unicodedata.normalize("NFKC", text)
    return _INITIALS.sub(lambda match: re.sub(r"[.\s]", "", match[0]), text)


@dataclass(frozen=True)
class ParsedText:
    """A text as words, and the punctuation marks in the gaps in front of, between and behind them.

    `gaps` is one longer than `words`. A hyphen inside a compound leaves "-" in the gap, a dash between words "—".
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]

    def __getitem__(self, part: slice) -> ParsedText:
        """The line's words from start to stop, with the gaps around them."""
        start, stop, _ = part.indices(len(self.words))
        return ParsedText(self.words[start:stop], self.gaps[start : stop + 1])


@lru_cache(maxsize=1 << 12)
def parse(text: str) -> ParsedText:
    """Split a text into words in canonical spelling; an article goes where a word follows it directly."""
    words: list[str] = []
    gaps = [""]
    pieces = [*spell_alike(tokenize(text)), "."]
    for previous, piece, following in zip(["", *pieces], pieces, pieces[1:], strict=False):
        if piece in "—/" and _OPERAND.fullmatch(previous) and _OPERAND.fullmatch(following):
            words.append("−" if piece == "—" else "÷")  # x - 1 is neither x + 1 nor x / 1
            gaps.append("")
        elif piece in _MARKS:
            gaps[-1] += piece
        elif piece not in ARTICLES or following in _MARKS:
            words.append(piece)
            gaps.append("")
    return ParsedText(tuple(words), tuple(gaps))


def normalize(text: str) -> str:
    """The normal form of a text: its words, joined by single spaces.

    A text of nothing but punctuation keeps it, so that only an empty text has an empty normal form.
    """
    return " ".join(parse(text).words) or " ".join(text.casefold().split())


def tokenize(text: str) -> list[str]:
    """Words, numbers, symbols and single punctuation marks of a text, in order, folded."""
    pieces: list[str] = []
    plain = "".join(_plain(character) for character in fold(text))
    for match in _TOKEN.finditer(_MINUS_MONEY.sub(r"\1-", plain)):
        kind, piece = match.lastgroup, match[0]
        if match["date"]:
            piece = canonical_date(match)
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


def _plain(character: str) -> str:
    # Markdown's asterisks and underscores, emoji and control characters separate words and mean nothing. Mathematical
    # symbols (category Sm) are words of their own, so that x + 1 differs from x = 1.
    category = unicodedata.category(character)
    return character if category[0] in "LMN" or category == "Sm" or character in _KEPT else " "


def _is_hyphen(match: re.Match[str]) -> bool:
    text, position = match.string, match.start()
    return text[position - 1 : position].isalnum() and text[position + 1 : position + 2].isalnum()
