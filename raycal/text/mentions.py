"""Mentions of an answer in a reply, asserted or denied.

The rules are the match grader's (see `raycal.grading.match`); they work on words, so that "Par" is not in "Paris". The
time is linear in the reply's length.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from raycal.text.dates import is_within, is_year
from raycal.text.denials import Denials
from raycal.text.normalize import ParsedText
from raycal.text.numerals import is_number, listed
from raycal.text.quantities import is_amount
from raycal.text.units import is_unit

# In front of a place's name these make another place: New York, South Sudan, Equatorial Guinea.
_QUALIFIERS = frozenset(listed("new north south east west equatorial papua non"))
_CAPITAL_QUALIFIERS = frozenset(
    listed("lake mount fort port saint san santa cape gulf little upper lower central western eastern southern lady")
)
# Behind a name these say what it is of, and make no other name: the Nile River, Paris France.
_PARTS = frozenset(
    listed(
        "river ocean sea desert mountains island islands university inc incorporated ltd limited corp corporation "
        "company junior senior prize award language usa us uk england scotland wales ireland france germany italy "
        "spain portugal greece turkey egypt russia ukraine poland austria hungary switzerland belgium netherlands "
        "denmark norway sweden finland japan china india pakistan iran iraq israel australia canada mexico brazil "
        "argentina chile peru cuba"
    )
)
# Words that sentences write with a capital though they are no names.
_SENTENCE_WORDS = frozenset(
    listed(
        "i it he she they we you this that these those there here is was are were be the a an and or but nor so "
        "because since as if when where while who whom whose which what how why in on at of by from to for with "
        "without not no yes then also however therefore thus hence his her its their our my your please note answer "
        "final confidence"
    )
)
_OTHER_PLACES = frozenset({("northern", "ireland"), ("northern", "cyprus"), ("american", "samoa")})

_COPULAS = frozenset(
    listed("is was are were be being been called means equals = symbol letter answer word abbreviation")
)
_CAUSES = frozenset(listed("because since as that"))
_SUBJECTS = frozenset(listed("it they he she this that these those there you i we because"))

# Short or frequent words are answers only where they stand alone: "In" (indium), "no", "He" (helium).
_FREQUENT = frozenset(
    listed(
        "yes true false none both all the and you they she who what her him his not never more less many few same "
        "other always nothing for but its"
    )
)
_SHORT = re.compile(r"[a-z]{1,2}")

_SENTENCE_END = re.compile(r"[.;:!?)\"—]")
_OPENING, _CLOSING = re.compile(r"[(\":]"), re.compile(r"[)\".,;!?]")


@dataclass(frozen=True)
class Mention:
    """Words start to stop (exclusive) of a reply say the answer; not asserted: "not Paris"."""

    start: int
    stop: int
    asserted: bool

    def contains(self, other: Mention) -> bool:
        """Whether another mention is a proper part of this one."""
        inside = self.start <= other.start and other.stop <= self.stop
        return inside and other.stop - other.start < self.stop - self.start


def find_mentions(line: ParsedText, answer: ParsedText) -> list[Mention]:
    """All mentions of an answer in a reply, in order."""
    if not answer.words:
        return []
    spans = _quantities(line, answer) if is_quantity(answer) else _phrases(line, answer)
    denials = Denials(line)
    return [Mention(start, stop, not denials.deny(start, stop)) for start, stop in spans]


def covers(accepted: str, given: str) -> bool:
    """Whether a given word says all that the accepted word says: they are equal, or it is a more precise date."""
    return accepted == given or is_within(given, accepted)


def is_quantity(answer: ParsedText) -> bool:
    """Whether an answer is an amount, alone or with a unit or a noun behind it ("5 km", "291 episodes", "5-10")."""
    words = answer.words
    if not words or not is_amount(words[0]) or any(map(is_amount, words[1:])):
        return False
    return len(words) <= 2 or (is_unit(words[1]) and len(words) <= 4)


class Numbers:
    """The numbers of a reply by unit, years apart, to tell whether one of them has rivals.

    Numbers of another unit are none, nor are those that the reply denies or puts into parentheses behind its answer.
    """

    def __init__(self, line: ParsedText) -> None:
        self._line = line
        self._alike: dict[tuple[str | None, bool], set[str]] = defaultdict(set)
        self._inside = _parenthesized(line)
        denials = Denials(line)
        for position, word in enumerate(line.words):
            if is_number(word) and not self._inside[position] and not denials.deny(position, position + 1):
                self._alike[self._kind(position)].add(word)

    def has_rival(self, mention: Mention, accepted: Collection[str]) -> bool:
        """Whether the reply has another number that might as well be its answer."""
        word = self._line.words[mention.start]
        return is_number(word) and not self._alike[self._kind(mention.start)] <= {word, *accepted}

    def _kind(self, position: int) -> tuple[str | None, bool]:
        behind = self._line.words[position + 1 : position + 2]
        return behind[0] if behind and is_unit(behind[0]) else None, is_year(self._line.words[position])


def _parenthesized(line: ParsedText) -> list[bool]:
    """For each word whether it stands in parentheses behind another word."""
    depth, inside = 0, []
    for position, gap in enumerate(line.gaps[:-1]):
        for mark in gap:
            depth = depth + 1 if mark == "(" else max(depth - 1, 0) if mark == ")" else depth
        inside.append(depth > 0 and position > 0)
    return inside


def _phrases(line: ParsedText, answer: ParsedText) -> Iterator[tuple[int, int]]:
    size = len(answer.words)
    weak = size == 1 and (answer.words[0] in _FREQUENT or _SHORT.fullmatch(answer.words[0]) is not None)
    for start in range(len(line.words) - size + 1):
        stop = start + size
        if (
            all(map(covers, answer.words, line.words[start:stop]))
            and line.gaps[start] != "-"
            and line.gaps[stop] != "-"
            and not _is_qualified(line, start)
            and not _is_longer_name(line, start, stop)
            and (not weak or _stands_alone(line, start) or _is_articled_name(line, start, answer))
        ):
            yield start, stop


def _is_qualified(line: ParsedText, start: int) -> bool:
    if start == 0 or line.gaps[start]:
        return False
    before, word = line.words[start - 1 : start + 1]
    if before in _CAPITAL_QUALIFIERS and {before, word} <= line.capitalized:
        return True
    return before in _QUALIFIERS or (before, word) in _OTHER_PLACES


def _is_longer_name(line: ParsedText, start: int, stop: int) -> bool:
    """Whether the mention is the front of another name: "Paris Hilton"."""
    if stop == len(line.words) or line.gaps[stop]:
        return False
    last, following = line.words[stop - 1 : stop + 1]
    return (
        {last, following} <= line.capitalized
        and following.isalpha()
        and following not in _PARTS
        and following not in _SENTENCE_WORDS
    )


def _is_articled_name(line: ParsedText, start: int, answer: ParsedText) -> bool:
    """Whether a frequent word is the name that the answer makes of it: "The Who"."""
    return 0 in answer.articled and start in line.articled and line.words[start] in line.capitalized


def _quantities(line: ParsedText, answer: ParsedText) -> Iterator[tuple[int, int]]:
    number, *tail = answer.words
    for start, word in enumerate(line.words):
        if not covers(number, word) or line.gaps[start] == "-":
            continue
        stop = start + 1
        following = list(line.words[stop : stop + len(tail)])
        bare = stop == len(line.words) or bool(line.gaps[stop].strip("-"))
        if following == tail and "".join(line.gaps[stop : stop + len(tail)]).strip("-") == "":
            yield start, stop + len(tail)
        elif bare:
            yield start, stop


def _stands_alone(line: ParsedText, position: int) -> bool:
    """Whether a short or frequent word is said as an answer: "No, ...", "The symbol is In.", "Indium (In)"."""
    before, behind = line.gaps[position], line.gaps[position + 1]
    last = position + 1 == len(line.words)
    if position == 0:
        return last or bool(behind) or line.words[1] in _SUBJECTS
    if _OPENING.search(before) and (last or _CLOSING.search(behind)):
        return True
    ends = last or _SENTENCE_END.search(behind) or behind == "," or line.words[position + 1] in _CAUSES
    return bool(ends) and not before and line.words[position - 1] in _COPULAS
