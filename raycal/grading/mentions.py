"""Mentions of an answer in a reply, asserted or denied.

The rules are the match grader's (see `raycal.grading.match`); they work on words, so that "Par" is not in "Paris".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from raycal.text.normalize import ParsedText
from raycal.text.numerals import covers, is_number, is_unit, is_year, listed

# In front of a place's name these make another place: New York, South Sudan, Equatorial Guinea.
_QUALIFIERS = frozenset(listed("new north south east west equatorial papua non"))
_OTHER_PLACES = frozenset({("northern", "ireland"), ("northern", "cyprus"), ("american", "samoa")})

_NEGATORS = frozenset(
    listed(
        "not never neither nor except excluding unlike without instead than isnt wasnt arent werent cannot cant "
        "couldnt dont doesnt didnt wont wouldnt"
    )
)
_NEGATION_REACH = 5  # words
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
    return [Mention(start, stop, not _is_negated(line, start, stop)) for start, stop in spans]


def is_quantity(answer: ParsedText) -> bool:
    """Whether an answer is a number, alone or with a unit or a noun behind it ("5 km", "291 episodes")."""
    words = answer.words
    if not words or not is_number(words[0]) or any(map(is_number, words[1:])):
        return False
    return len(words) <= 2 or (is_unit(words[1]) and len(words) <= 4)


def rival_numbers(line: ParsedText, mention: Mention) -> list[str]:
    """Other numbers in the reply that might as well be its answer: of the same unit, and year beside year."""
    number = line.words[mention.start]
    if not is_number(number):
        return []
    unit = _unit_behind(line, mention.start)
    return [
        word
        for position, word in enumerate(line.words)
        if is_number(word)
        and word != number
        and is_year(word) == is_year(number)
        and _unit_behind(line, position) == unit
        and not _is_negated(line, position, position + 1)
    ]


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
            and (not weak or _stands_alone(line, start))
        ):
            yield start, stop


def _is_qualified(line: ParsedText, start: int) -> bool:
    if start == 0 or line.gaps[start]:
        return False
    before, word = line.words[start - 1 : start + 1]
    return before in _QUALIFIERS or (before, word) in _OTHER_PLACES


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


def _is_negated(line: ParsedText, start: int, stop: int) -> bool:
    """Whether the clause denies the mention: a negator at most five words in front, or "is not" behind it."""
    for position in range(start - 1, max(start - 1 - _NEGATION_REACH, -1), -1):
        if line.gaps[position + 1].strip('-"(') or line.words[position] == "but":
            break
        if line.words[position] in _NEGATORS and line.words[position + 1] not in ("only", "just", "merely"):
            return True
    behind = line.words[stop : stop + 3]
    if any(line.gaps[stop : stop + 2]):
        return False
    return behind[:1] in (("isnt",), ("wasnt",)) or (
        behind[:2] in (("is", "not"), ("was", "not")) and behind[2:] not in (("only",), ("just",), ("merely",))
    )


def _unit_behind(line: ParsedText, position: int) -> str | None:
    following = line.words[position + 1 : position + 2]
    return following[0] if following and is_unit(following[0]) else None
