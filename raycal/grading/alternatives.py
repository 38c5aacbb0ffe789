"""Several answers in one reply: alternatives ("Paris or London"), and lists that "and" joins."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from raycal.text.mentions import Mention
from raycal.text.normalize import ParsedText
from raycal.text.numerals import listed

_ALTERNATIVE_WORDS = frozenset({"or", "versus", "alternatively"})
_SENTENCE_WORDS = frozenset(
    listed(
        "is was are were be been has have had it its they he she this that which who in of at on by from to with as so "
        "for there you i we can will would do does did"
    )
)


def names_others(line: ParsedText, mentions: Sequence[Mention]) -> bool:
    """Whether the line offers an alternative that none of the mentions is in."""
    starts = sorted(mention.start for mention in mentions)
    for start, stop in _stretches(line, mentions):
        position = bisect_left(starts, start)
        if position == len(starts) or starts[position] >= stop:
            return True
    return False


def _stretches(line: ParsedText, mentions: Sequence[Mention]) -> list[tuple[int, int]]:
    """The stretches of words between "or", "/" and the like, where these are not themselves part of a mention."""
    mentioned = {position for mention in mentions for position in range(mention.start, mention.stop)}
    stretches, start = [], 0
    for position, word in enumerate(line.words):
        if position in mentioned:
            continue
        if word in _ALTERNATIVE_WORDS:
            stretches.append((start, position))
            start = position + 1
        elif "/" in line.gaps[position] or "|" in line.gaps[position]:
            stretches.append((start, position))
            start = position
    stretches.append((start, len(line.words)))
    return [(start, stop) for start, stop in stretches if start < stop]


class Lists:
    """The clauses of a line, to tell whether "and" joins a mention to something that is not accepted."""

    def __init__(self, line: ParsedText, mentions: Sequence[Mention]) -> None:
        self._line = line
        self._starts = sorted(mention.start for mention in mentions)
        self._ends = [len(line.words)] * (len(line.words) + 1)  # of the clause, for each position
        self._speaks = [len(line.words)] * (len(line.words) + 1)  # the next word of a sentence
        for position in range(len(line.words) - 1, -1, -1):
            self._ends[position] = position if line.gaps[position].strip("-") else self._ends[position + 1]
            spoken = line.words[position] in _SENTENCE_WORDS
            self._speaks[position] = position if spoken else self._speaks[position + 1]

    def joins_others(self, mention: Mention) -> bool:
        """Whether the mention is a member of a list whose other members are not accepted, and that is no clause."""
        end = self._ends[mention.stop]
        joined_behind = end - mention.stop > 1 and self._line.words[mention.stop] == "and"
        if joined_behind and self._speaks[mention.stop] >= end:
            position = bisect_left(self._starts, mention.stop + 1)
            return position == len(self._starts) or self._starts[position] >= end
        if mention.start > 1 and self._line.words[mention.start - 1] == "and" and end <= mention.stop:
            return not self._starts or self._starts[0] >= mention.start
        return False
