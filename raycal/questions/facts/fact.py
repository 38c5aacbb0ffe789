"""Facts, before they become questions."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass


def listed(text: str, separator: str | None = None) -> frozenset[str]:
    """A text's parts as a set; without a separator its words."""
    return frozenset(text.split(separator))


# An answer that is also an English word is found in any sentence ("In", the symbol of indium): its fact is not asked.
ENGLISH_WORDS = listed(
    "a ad ah all am an and any are as at ax be but by can do eh for go ha he her hi him his how i id if in is it its "
    "la ma may me mu my new no nor not now of oh ok old on one or our out pa per pi see she so sun the to two up us "
    "via we who yes you"
)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A question with its accepted answers, the first of them the usual one.

    `prominence` says how well known the fact is among those of its relation (greater: better known). The wrong choices
    come from facts of the same `group` as far as there are enough; `barred` holds answers that are arguable, so that
    they are neither accepted nor offered as wrong choices.
    """

    question: str
    answers: tuple[str, ...]
    prominence: float
    group: str = ""
    barred: tuple[str, ...] = ()


@functools.lru_cache(maxsize=1 << 16)
def fold(text: str) -> str:
    """Text for comparison: lower-case words without accents, apostrophes or punctuation, one space between them."""
    return " ".join(re.findall(r"\w+", re.sub(r"['’‘ʻ`.]", "", unaccented(text).casefold())))


def unaccented(text: str) -> str:
    """Text without combining marks; letters that have no marks to lose (ø, ł) stay."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def spellings(*names: str) -> tuple[str, ...]:
    """The names and their variants without accents and with "Saint" abbreviated, each once, in order."""
    variants = (v for name in names for v in (name, unaccented(name), re.sub(r"\bSaint\b", "St.", name)))
    return tuple(dict.fromkeys(variants))


def parts(text: str) -> Iterator[str]:
    """Every run of a text's words that is shorter than the whole."""
    words = text.split()
    for length in range(1, len(words)):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])
