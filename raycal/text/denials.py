"""Whether a reply denies what it mentions: "not Paris", "Paris is wrong", "Paris? No, Lyon."

What a reply takes back is denied, too: of "I thought Lyon, but it is Paris" Lyon is.
"""

from __future__ import annotations

from raycal.text.normalize import ParsedText
from raycal.text.numerals import is_number, listed

_NEGATORS = frozenset(
    listed(
        "not never neither nor except excluding unlike without instead opposed than isnt wasnt arent werent cannot "
        "cant couldnt dont doesnt didnt wont wouldnt"
    )
)
_REACH = 5  # words
_NOT_ONLY = frozenset(listed("only just merely"))
_COPULAS = frozenset(listed("is was are were be been would seems seemed looks might may could being sounds"))
_ADVERBS = frozenset(
    listed(
        "definitely certainly clearly obviously simply just also actually probably likely both all therefore thus be"
    )
)
_NEGATED_COPULAS = frozenset(listed("isnt wasnt arent werent"))
_WRONG = frozenset(listed("wrong incorrect false untrue mistaken excluded impossible inaccurate invalid eliminated"))
_MISTAKEN = frozenset(listed("mistakenly wrongly erroneously incorrectly instead"))
_MISTAKES = frozenset(listed("mistake misconception error myth"))
_CLAUSE_END = frozenset(".;:!?—")

_CONTRASTS = frozenset(listed("but however though although rather actually yet"))
_CLAIMS = (("it", "is"), ("it", "was"), ("its",), ("that", "is"), ("thats",), ("answer", "is"), ("answer", "was"))
_TAKEN_BACK = frozenset(listed("wait correction oops scratch"))
_ADJECTIVES = frozenset(listed("correct right actual real true final"))


class Denials:
    """What a line denies."""

    def __init__(self, line: ParsedText) -> None:
        self._line = line
        self._last_claim = _last_claim(line)

    def deny(self, start: int, stop: int) -> bool:
        """Whether the line denies its words start to stop (exclusive), or takes them back later."""
        return stop <= self._last_claim or _is_negated(self._line, start) or _is_denied_behind(self._line, stop)


def _is_negated(line: ParsedText, start: int) -> bool:
    """Whether a negator stands at most five words in front, in the same clause."""
    for position in range(start - 1, max(start - 1 - _REACH, -1), -1):
        if line.gaps[position + 1].strip('-"(') or line.words[position] == "but":
            break
        if line.words[position] in _NEGATORS and line.words[position + 1] not in _NOT_ONLY:
            return True
    return False


def _is_denied_behind(line: ParsedText, stop: int) -> bool:
    """Whether what stands behind says "is not", "is wrong", "is often said instead"; or "?" and "no"."""
    words = line.words[stop : stop + 8]
    if not words:
        return False
    if "?" in line.gaps[stop] and words[0] in ("no", "not", "nope"):
        return True
    return not line.gaps[stop].strip('")') and _denies(_clause(line, stop, words))


def _denies(clause: tuple[str, ...]) -> bool:
    """Whether a predicate denies its subject."""
    if clause[0] in _NEGATED_COPULAS:
        return not _NOT_ONLY.intersection(clause[1:2])
    if clause[0] not in _COPULAS:
        return False
    predicate = tuple(word for word in clause[1:] if word not in _ADVERBS)
    if predicate[:1] in (("not",), ("never",)):
        return not _NOT_ONLY.intersection(predicate[1:2])
    mistaken = predicate[:1] in (("often",), ("commonly",), ("sometimes",)) and predicate[1:2] in (
        ("mistaken",),
        ("confused",),
    )
    ruled_out = predicate[:2] == ("ruled", "out")
    wrong = bool(_WRONG.intersection(predicate[:1]) or _MISTAKES.intersection(predicate[:3]))
    return wrong or ruled_out or mistaken or bool(_MISTAKEN.intersection(predicate))


def _clause(line: ParsedText, start: int, words: tuple[str, ...]) -> tuple[str, ...]:
    for length in range(1, len(words)):
        if _CLAUSE_END.intersection(line.gaps[start + length]) or line.gaps[start + length] == ",":
            return words[:length]
    return words


def _last_claim(line: ParsedText) -> int:
    """Where a line starts anew with another answer: the words in front of that position are taken back; else 0."""
    start = 0
    for position in range(1, len(line.words)):
        if _takes_back(line, position) or _contrasts(line, position):
            start = position
    return start


def _takes_back(line: ParsedText, position: int) -> bool:
    """ "Lyon. No, wait: Paris", "Lyon, no, Paris"."""
    word, before, behind = line.words[position], line.gaps[position], line.gaps[position + 1]
    if position + 1 == len(line.words) or not before.strip('-"('):
        return False
    return (word in _TAKEN_BACK and bool(behind)) or (
        word == "no"
        and (line.words[position + 1] in ("wait", "it", "its", "sorry") or (behind == "," and before != "."))
    )


def _contrasts(line: ParsedText, position: int) -> bool:
    """ "I thought Lyon, but it is Paris": behind the claim stands a name or a number."""
    if line.words[position] not in _CONTRASTS and not (line.gaps[position] and line.words[position] in _ADVERBS):
        return False
    words = tuple(word for word in line.words[position + 1 : position + 7] if word not in _ADVERBS | _ADJECTIVES)
    for claim in _CLAIMS:
        if words[: len(claim)] == claim:
            new = words[len(claim) : len(claim) + 1]
            return bool(new) and (new[0] in line.capitalized or is_number(new[0]))
    return False
