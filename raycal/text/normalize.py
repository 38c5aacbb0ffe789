"""Text as the graders and the equivalences see it: folded, split into words, and normalised.

Two texts that differ in case, width, accents, articles, punctuation, spacing, or the spelling of numbers, units, dates
and common parts of names have one normal form. Word boundaries are kept: nothing here compares parts of words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from raycal.text.latex import plain
from raycal.text.names import with_names
from raycal.text.quantities import join_quantities, spell_alike
from raycal.text.tokens import MARKS, tokenize

ARTICLES = frozenset({"a", "an", "the"})

_OPERAND = re.compile(r"[a-z]|-?[0-9]+(?:\.[0-9]+)?|[()]")
_TITLE_CASE = re.compile(r"\w\s+(?:Is|Was|Are|Were|Of)\b")  # capitals that say nothing about names
_CAPITALIZED = re.compile(r"(?<![\w'’])[A-Z][\w'’]*")


def first_line(text: str) -> str:
    """The first line that holds anything, stripped; empty where none does."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def last_line(text: str) -> str:
    """The last line that holds anything, stripped; empty where none does."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def short_numbers(text: str) -> str:
    """A text with its decimals in three digits: those of searched options have sixteen."""
    return re.sub(r"\d+\.\d{4,}(e[-+]?\d+)?", lambda number: f"{float(number[0]):.3g}", text)


@dataclass(frozen=True)
class ParsedText:
    """A text as words, and the punctuation marks in the gaps in front of, between and behind them.

    `gaps` is one longer than `words`. A hyphen inside a compound leaves "-" in the gap, a dash between words "—".
    `capitalized` holds the words that the text writes with a capital, where it writes others without;
    `articled` the positions of words with a "the" in front.
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    capitalized: frozenset[str] = frozenset()
    articled: frozenset[int] = frozenset()

    def __getitem__(self, part: slice) -> ParsedText:
        """The line's words from start to stop, with the gaps around them."""
        start, stop, _ = part.indices(len(self.words))
        articled = frozenset(position - start for position in self.articled if start <= position < stop)
        return ParsedText(self.words[start:stop], self.gaps[start : stop + 1], self.capitalized, articled)

    def without_hyphens(self) -> ParsedText:
        """The line with words that hyphens join as one: "spider-man" as "spiderman"."""
        words, gaps, capitalized = list(self.words[:1]), list(self.gaps[:1]), set(self.capitalized)
        for word, gap in zip(self.words[1:], self.gaps[1:-1], strict=True):
            if gap == "-" and words[-1].isalpha() and word.isalpha():
                if words[-1] in capitalized:
                    capitalized.add(words[-1] + word)
                words[-1] += word
            else:
                words.append(word)
                gaps.append(gap)
        return ParsedText(tuple(words), (*gaps, self.gaps[-1]) if words else self.gaps, frozenset(capitalized))


@lru_cache(maxsize=1 << 12)
def parse(text: str) -> ParsedText:
    """Split a text into words in canonical spelling; an article goes where a word follows it directly."""
    text = plain(text)
    words: list[str] = []
    gaps = [""]
    articled: set[int] = set()
    pieces = [*with_names(join_quantities(spell_alike(tokenize(text)))), "."]
    for previous, piece, following in zip(["", *pieces], pieces, pieces[1:], strict=False):
        if piece in "—/" and _OPERAND.fullmatch(previous) and _OPERAND.fullmatch(following):
            words.append("−" if piece == "—" else "÷")  # x - 1 is neither x + 1 nor x / 1
            gaps.append("")
        elif piece in MARKS:
            gaps[-1] += piece
        elif piece not in ARTICLES or following in MARKS:
            words.append(piece)
            gaps.append("")
        elif piece == "the":
            articled.add(len(words))
    return ParsedText(tuple(words), tuple(gaps), _capitalized(text), frozenset(articled))


def normalize(text: str) -> str:
    """The normal form of a text: its words, joined by single spaces.

    A text of nothing but punctuation keeps it, so that only an empty text has an empty normal form.
    """
    return " ".join(parse(text).words) or " ".join(text.casefold().split())


def _capitalized(text: str) -> frozenset[str]:
    if not any(map(str.islower, text)) or _TITLE_CASE.search(text):
        return frozenset()
    words = _CAPITALIZED.findall(text)
    # Tokens of plain words are quickly made; replies have many of them.
    pieces = [re.sub("['’]", "", word).lower() for word in words] if text.isascii() else tokenize(" ".join(words))
    return frozenset(with_names(pieces))
