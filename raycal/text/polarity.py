"""Words that agree and words that deny, where the answer is yes or no."""

from __future__ import annotations

from collections.abc import Sequence

from raycal.text.normalize import ParsedText, normalize
from raycal.text.numerals import listed

_YES = frozenset(
    listed("yes yeah yep yup true correct right absolutely definitely certainly indeed affirmative sure agreed 1")
)
_NO = frozenset(listed("no nope nah false incorrect wrong untrue never negative 0"))
_ACCEPTED = {"yes": True, "true": True, "no": False, "false": False}
_SUBJECTS = (("that", "is"), ("thats",), ("this", "is"), ("it", "is"), ("its",), ("statement", "is"), ("answer", "is"))
_SURE = frozenset(listed("absolutely definitely certainly most probably likely"))


def accepted_polarity(answers: Sequence[str]) -> bool | None:
    """Whether yes or no is accepted; None where something else is, or both."""
    polarities = {_ACCEPTED.get(normalize(answer)) for answer in answers}
    return polarities.pop() if len(polarities) == 1 else None


def polarity(line: ParsedText) -> bool | None:
    """Whether a reply is a word that agrees or denies, alone or in front of a clause; None where it is neither.

    >>> from raycal.text.normalize import parse
    >>> polarity(parse("Absolutely.")), polarity(parse("Definitely not.")), polarity(parse("Yes and no"))
    (True, False, None)
    """
    words = line.words
    subject = next((subject for subject in _SUBJECTS if words[: len(subject)] == subject), ())
    if len(words) == len(subject) + 1:
        words = words[len(subject) :]
    while len(words) > 1 and words[0] in _SURE and words[1] in _YES | _NO | {"not"}:
        words = words[1:]
    if not words:
        return None
    if words[0] == "not":
        return False if len(words) == 1 or words[1:] in (("true",), ("at", "all"), ("correct",)) else None
    first = _polarity_of(words[0])
    ends = len(words) == 1 or bool(line.gaps[len(line.words) - len(words) + 1].strip("-/"))
    contrary = {_polarity_of(word) for word in words[1:4]} == {None, not first} or (
        len(words) > 1 and _polarity_of(words[1]) not in (None, first)
    )
    return first if ends and not contrary else None


def _polarity_of(word: str) -> bool | None:
    return True if word in _YES else False if word in _NO else None
