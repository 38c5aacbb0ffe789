"""Stated confidences: the probability that a reply states, as a number or in words.

A reply is read line by line, until one says anything:

1. A value is a percentage ("90%", "ninety per cent"), a ratio ("9/10", "9 out of 10"), a bare number, or a range of
   these, which stands for its middle ("between 70% and 80%", "0.7-0.8"). Bounds ("at least 90%") stand for themselves.
   "50/50" and "fifty-fifty" are even odds. An echo of the scale ("from 0 to 1") is passed over. A comma may be the
   decimal point ("0,9", "95,5%").
2. A bare number from 0 to 1 is a probability, and one from 10 to 100 a percentage, whatever was asked for. Where a
   percentage was asked for, bare numbers above 1 are percentages too; elsewhere 7 may be out of 10, and is not
   understood. A bare "1" is a probability of 1 where a probability was asked for; elsewhere it may mean 1 % as well,
   and is not understood, but "1.0" is.
3. Which number counts: one that is said to be the confidence ("Confidence: 0.8", "80% sure"), else percentages and
   ratios, else bare numbers where these are all that the line says, open it, or lie strictly between 0 and 1. A number
   of the question or the answer counts only where the line says nothing else.
4. Words count where there is no number; `WORDS` gives their values.
5. Values that contradict one another, lie out of range ("150%", "-0.2"), are broken ("0. 9", "0.9e0"), denied ("not
   90%", "almost certainly not") or about an error ("90% certain that it is wrong") make the confidence missing. Nothing
   is ever guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from types import MappingProxyType

from raycal.models.prompts import Phrasing
from raycal.text.fold import fold
from raycal.text.normalize import ARTICLES
from raycal.text.numerals import listed
from raycal.text.quantities import spell_alike
from raycal.text.tokens import tokenize

# Medians of the 123 answers to "Perception of Probability Words" (Fagen-Ulmschneider 2019), the survey whose
# expressions Tian et al. (2023) offer to models; a median is not moved by the few who took the scale the wrong way
# round. "Very" is read as the survey's "highly", and "almost impossible" as "almost no chance", as in Kent's (1964)
# lists of synonyms. The survey itself fixes "absolutely certain" at 99 to 100 %; "impossible" mirrors it.
WORDS: Mapping[str, float] = MappingProxyType(
    {
        "absolutely certain": 0.99,
        "almost certain": 0.95,
        "almost certainly": 0.95,
        "highly likely": 0.90,
        "highly probable": 0.90,
        "very likely": 0.90,
        "very probable": 0.90,
        "very good chance": 0.80,
        "likely": 0.70,
        "probable": 0.70,
        "probably": 0.70,
        "better than even": 0.60,
        "about even": 0.50,
        "even chance": 0.50,
        "probably not": 0.25,
        "unlikely": 0.20,
        "improbable": 0.10,
        "little chance": 0.10,
        "chances are slight": 0.10,
        "highly unlikely": 0.05,
        "very unlikely": 0.05,
        "very improbable": 0.05,
        "almost no chance": 0.02,
        "almost impossible": 0.02,
        "absolutely impossible": 0.01,
    }
)
# Said alone they are a statement; within a sentence they may be anything ("a certain city").
_LONE_WORDS = MappingProxyType({"certain": 0.99, "impossible": 0.01})

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_VALUE = re.compile(
    rf"""(?<![\w.])(?:
        (?P<low>{_NUMBER})(?P<low_percent>\ %)?\ ?(?:to|—|-)\ ?(?P<high>{_NUMBER})(?P<high_percent>\ %)?
      | between\ (?P<from>{_NUMBER})(?P<from_percent>\ %)?\ and\ (?P<to>{_NUMBER})(?P<to_percent>\ %)?
      | (?P<part>{_NUMBER})\ ?(?:(?:/|out\ of)\ ?(?P<whole>{_NUMBER})|in\ (?P<round>100?))
      | (?P<number>{_NUMBER})(?P<percent>\ %)?
    )(?![\w./-])""",
    re.VERBOSE,
)
_SCALE = re.compile(r"(?<![\w.])0(?: %)? ?(?:to|and|—|-) ?(?:1|10|100)(?: %)?(?![\w.])")
_EVEN_ODDS = re.compile(r"(?<![\w.])50 ?[/-] ?50(?![\w.])")
_DECIMAL_COMMA = re.compile(
    r"(?<![\w.,])(?:(?:0,[0-9]+|1,0{1,2})(?![\w,])|[0-9]{1,3},[0-9]{1,2}(?=\s*(?:%|per\s?cent\b|pct\b)))"
)
# 0.9e0, 0. 9, 90 .5, 95,5 and 9 0: a part of each would be another value.
_BROKEN = re.compile(
    r"""(?<![\w.])(?:
        [0-9]*\.[0-9]+(?!per\s?cent|pct)[^\W\d_][\w+-]*
      | 0\.\s+[0-9]+
      | [0-9]+\s+[.,][0-9]+
      | [0-9]+,[0-9]{1,2}(?!\w)
      | [0-9]+(?:\.[0-9]+)?\s+[0-9](?![\w./])
      | [0-9.]+\s*%?\s+or\s+[0-9.]+(?=\s*(?:%|per\s?cent\b))
      | [a-z-]{1,40}\s+point\s+(?:zero|one|two|three|four|five|six|seven|eight|nine)\b(?:\s*(?:%|per\s?cent\b))?
    )""",
    re.VERBOSE,
)
_OUT_OF_RANGE = " -1 "
_RANK_OF_WORDS = 3
_MOST_VALUES = 40  # that one line may state; beyond them it is no statement, and the time stays linear

_RANGE_DASH = re.compile(r"(?<=[0-9%])\s*[~∼〜–−]\s*(?=[0-9])")
_BOUND = re.compile(r"(?<=[0-9])\+(?=\s*%)|(?<=%)\+")  # "90+%" stands for 90 %, as "at least 90%" does
_TOPS = (1, 100)
_TOP = r"(?:1(?:\.0+)?|[57]|10|20|100)"
_FROM_TO = r"[01](?:\.0+)?\s*%?\s*(?:-|—|to|and|through)\s*"
_NAMED_SCALE = re.compile(
    rf"""\(\s*(?:scale:?\s*|scale\ of\s*|from\s*|out\ of\s*)?(?:{_FROM_TO}|(?<=out\ of\ ))
           (?P<inside>{_TOP})\s*%?(?:\s+scale)?\s*\)
      | \bon\ (?:a|the)\ scale\ (?:of|from)?\s*{_FROM_TO}(?P<phrase>{_TOP})(?![0-9.])\s*%?
      | \bscale\ (?:of|from)\s*{_FROM_TO}(?P<whole>{_TOP})(?![0-9.])\s*%?
    """,
    re.VERBOSE,
)
_POINTS = re.compile(r"\bpoints?\b(?=\s+out\s+of)")
# "extremely likely", "less likely": how likely that is, nobody has asked people.
_MODIFIED = re.compile(
    r"\b(?:[a-z]+ly|less|more|most|least|somewhat|rather|quite|pretty|so|too|as|equally|how|kind of) $"
)

_PERCENT_GROUPS = ("percent", "low_percent", "high_percent", "from_percent", "to_percent")

_NAMES = listed(
    "confidence probability certainty likelihood chance chances odds confident sure certain likely probable"
)
_NAME = f"(?:{'|'.join(_NAMES)})"
_ABOUT = r"(?:about|around|approximately|roughly|over|under|at least|at most|close to)"
_NAMED_BEFORE = re.compile(rf"\b{_NAME}(?:(?: [a-z]+){{0,6}} (?:[:=—]|is|of|at))?(?: {_ABOUT})? $")
_NAMED_BEHIND = re.compile(rf" {_NAME}\b")
_DENIED = re.compile(r"\b(?:not|never|isnt|dont|arent|cannot|cant|no)\b(?: [a-z]+){0,2}(?: [:=—])? $")
# "90% certain that it is wrong", "likely not", "the chance of an error is 10%": up to the next clause.
_ON = r"(?: (?!(?:although|and|as|because|but|if|since|so|though|unless|while)\b)[a-z]+)"
_NOT = rf"not\b(?!{_ON}{{0,2}} (?:sure|certain|confident)\b)"
_BE = r"(?:am|are|be|been|being|did|does|im|is|its|was|were)"
_WRONG = r"(?:error|false|inaccurate|incorrect|isnt|mistaken|untrue|wasnt|wrong)\b"
_ERROR_BEHIND = re.compile(rf"(?: {_NAME})?(?: {_NOT}|{_ON}{{0,8}} {_BE} {_NOT}|{_ON}{{0,8}} {_WRONG})")
_ERROR_BEFORE = re.compile(rf"\b{_NAME}{_ON}{{0,8}} (?:{_NOT}|{_WRONG}){_ON}{{0,4}}(?: [:=—])? $")
_WORD = re.compile("|".join(rf"\b{words}\b" for words in sorted(WORDS, key=len, reverse=True)))
_FRAME = frozenset(
    listed("i d id im would say am my it is its about around approximately roughly think that at % of . : —")
)
_KNOWN_FRAME = _FRAME.union(_NAMES)

_IGNORED = ARTICLES.union('"(),;!?|')


@dataclass(frozen=True)
class _Value:
    """A number in a line of a reply: what it says, and how plainly it is meant as a confidence (0 is plainest)."""

    probability: float | None  # None where the number means no probability
    rank: int


@dataclass(frozen=True)
class LineReading:
    """What one line states: its values, None among them where one is not understood, and how plainly they are meant.

    rank: as of the plainest value; words stand behind all numbers. is_alone: whether the line says nothing else.
    """

    probabilities: frozenset[float | None]
    rank: int
    is_alone: bool

    @property
    def is_plain(self) -> bool:
        """Whether the line names the confidence, or is a number and nothing else."""
        return self.rank == 0 or (self.is_alone and self.rank < _RANK_OF_WORDS)

    @property
    def order(self) -> int:
        """The rank of a plain line; all others stand behind."""
        return self.rank if self.is_plain else _RANK_OF_WORDS


def read_line(line: str, phrasing: Phrasing, known: frozenset[str]) -> LineReading | None:
    """What a line states, None where it states nothing. known: numbers that it may repeat of the question."""
    folded = _DECIMAL_COMMA.sub(lambda match: match[0].replace(",", "."), fold(line))
    folded, scale = _without_scale(_RANGE_DASH.sub("-", _BOUND.sub("", folded)))
    folded = _BROKEN.sub(_OUT_OF_RANGE, folded)
    pieces = [piece for piece in spell_alike(tokenize(folded)) if piece not in _IGNORED]
    plain = _SCALE.sub(" ", _EVEN_ODDS.sub("about even", " ".join(pieces)))
    plain = " ".join(plain.split()).strip(" .:—")
    one_is_certain = phrasing is Phrasing.PROBABILITY or re.search(r"\b1\.0", folded) is not None
    values = _values(plain, phrasing, known, one_is_certain, scale)
    if values:
        rank = min(value.rank for value in values)
        return LineReading(
            frozenset(value.probability for value in values if value.rank == rank),
            rank,
            frozenset(_VALUE.sub(" ", plain).split()) <= _FRAME,
        )
    words = _words(plain)
    return LineReading(frozenset(words), _RANK_OF_WORDS, False) if words else None


def _without_scale(folded: str) -> tuple[str, Decimal | None]:
    """A line without the scale that it names, "(0-100)" or "on a scale of 1 to 10", and the top of that."""
    match = _NAMED_SCALE.search(folded)
    if match is None:
        return _POINTS.sub(" ", folded), None
    top = next(match[group] for group in ("inside", "phrase", "whole") if match[group])
    return f"{folded[: match.start()]} {folded[match.end() :]}", Decimal(top)


def _values(
    plain: str, phrasing: Phrasing, known: frozenset[str], one_is_certain: bool, scale: Decimal | None
) -> list[_Value]:
    matches = list(islice(_VALUE.finditer(plain), _MOST_VALUES + 1))
    if len(matches) > _MOST_VALUES:
        return [_Value(None, 0)]
    values = []
    for match in matches:
        rank = _rank(plain, match, known)
        if scale is not None and rank is None:
            rank = 2  # a number beside a scale is meant on it
        if rank is not None:
            denied = _is_denied(plain, match)
            values.append(_Value(None if denied else _probability(match, phrasing, one_is_certain, scale), rank))
    return values


def _is_denied(plain: str, match: re.Match[str]) -> bool:
    before, behind = plain[: match.start()], plain[match.end() :]
    return bool(_DENIED.search(before) or _ERROR_BEFORE.search(before) or _ERROR_BEHIND.match(behind))


def _rank(plain: str, match: re.Match[str], known: frozenset[str]) -> int | None:
    """0 for a number that is said to be the confidence, 1 for percentages and ratios, 2 for bare numbers, else None."""
    before, behind = plain[: match.start()], plain[match.end() :]
    others = frozenset(f"{before} {behind}".split())
    if match[0].removesuffix(" %") in known and not others <= _KNOWN_FRAME:
        return None
    if _NAMED_BEFORE.search(before) or _NAMED_BEHIND.match(behind):
        return 0
    if match["part"] or any(match[group] for group in _PERCENT_GROUPS):
        return 1
    if others <= _FRAME:
        return 2
    opens = not before and behind.startswith((" .", " :", " —", " because", " since", " as"))
    fraction = match["number"] is not None and "." in match[0] and 0 < float(match[0]) < 1
    return 2 if opens or fraction else None


def _probability(match: re.Match[str], phrasing: Phrasing, one_is_certain: bool, scale: Decimal | None) -> float | None:
    if match["part"]:
        part, whole = Decimal(match["part"]), Decimal(match["whole"] or match["round"])
        return float(part / whole) if 0 <= part <= whole and whole > 0 else None
    low = match["low"] or match["from"] or match["number"]
    high = match["high"] or match["to"] or match["number"]
    percent = any(match[group] for group in _PERCENT_GROUPS)
    if scale is not None and not percent:
        bounds = [_on_scale(Decimal(bound), scale) for bound in (low, high)]
    else:
        bounds = [_scaled(Decimal(bound), percent, phrasing, one_is_certain) for bound in (low, high)]
    if bounds[0] is None or bounds[1] is None or bounds[0] > bounds[1]:
        return None
    return float((bounds[0] + bounds[1]) / 2)


def _on_scale(number: Decimal, top: Decimal) -> Decimal | None:
    """A number on a scale up to 1 or 100; of others it is not known whether they start at 0 or 1."""
    if top not in _TOPS or not 0 <= number <= top or (top == 100 and number % 1 and number < 1):
        return None
    return number / top


def _scaled(number: Decimal, percent: bool, phrasing: Phrasing, one_is_certain: bool) -> Decimal | None:
    if percent:
        return number / 100 if 0 <= number <= 100 else None
    if number == 1 and not one_is_certain:
        return None
    if 0 <= number <= 1:
        return number
    smallest = 1 if phrasing is Phrasing.PERCENT else 10
    return number / 100 if smallest <= number <= 100 else None


def _words(plain: str) -> set[float | None]:
    alone = " ".join(word for word in plain.split() if word not in _FRAME)
    if alone in _LONE_WORDS:
        return {_LONE_WORDS[alone]}
    matches = list(islice(_WORD.finditer(plain), _MOST_VALUES + 1))
    if len(matches) > _MOST_VALUES:
        return {None}
    return {
        None if _is_denied(plain, match) or _MODIFIED.search(plain[: match.start()]) else WORDS[match[0]]
        for match in matches
    }
