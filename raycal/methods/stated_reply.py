"""Replies to the query for a confidence: which line states it, and whether it is stated of this answer.

1. A thought is cut off. A JSON object and `\\boxed{}` are unwrapped.
2. A line that names the confidence counts before one that is a percentage and nothing else, that before one that is
   a bare number, and these before the first other line that says anything. Where lines of the first three
   kinds disagree, the confidence is missing.
3. What is stated of an error, of a doubt or of another answer is no confidence in this one: it is missing.
"""

from __future__ import annotations

import re

from raycal.methods.evidence import Confidence
from raycal.methods.stated_confidence import LineReading, read_line
from raycal.models.prompts import Phrasing
from raycal.text.final_answer import spelled_object, without_thought
from raycal.text.fold import fold
from raycal.text.normalize import normalize, parse
from raycal.text.numerals import is_number

_FENCE = re.compile(r"^```\w*\s*|\s*```$")
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_NAMES = ("confidence", "probability", "certainty", "likelihood")

_WRONG = r"(?:wrong|incorrect|false|mistaken|untrue|inaccurate|not (?:correct|right|true|accurate))"
_SAYS_WRONG = re.compile(
    rf"""^\s*(?:wrong|incorrect|false)\s*(?:[.,:;!]|$)
      | \b(?:answer|response|it|this|that|which|its|thats)\s*(?:'?s|is|was|seems|looks)?\s(?:[a-z]+\s){{0,2}}?{_WRONG}\b
    """,
    re.VERBOSE,
)
_MIGHT = re.compile(r"\b(?:could|may|might|can|if|whether|unless|or)\b")
_OF_AN_ERROR = re.compile(
    r"\b(?:uncertainty|doubts?|risk of|error rate|margin of error|chance of (?:an )?error|chance of being wrong)\b"
)
_NO_DOUBT = re.compile(r"\b(?:no|without(?: an?y?)?|beyond(?: an?y?)?|little) doubts?\b")
_ANOTHER = re.compile(
    r"""\b(?:(?:correct|right|actual|true|real)\ answer\ (?:is|was|would\ be)
          |answer\ (?:should|must|ought\ to|had\ to)\ (?:be|have\ been))\s*:?\s*(?P<name>[^,.;:()\d\n]*)""",
    re.VERBOSE,
)


def read_confidence(text: str, phrasing: Phrasing, *, known: str = "") -> Confidence:
    """The confidence that a reply states; `known` is the question and the answer, whose numbers it may repeat.

    >>> read_confidence("42\\n90%", Phrasing.PROBABILITY, known="How many?\\n42").value
    0.9
    """
    if not text.strip():
        return Confidence(reason="the stated confidence is empty")
    numbers = frozenset(filter(is_number, parse(known).words))
    best: LineReading | None = None
    for line in _unwrapped(text).splitlines():
        if _is_of_another(line, known):
            if best is None or not best.is_plain:
                return Confidence(reason=f"what is stated is not the confidence in this answer: {_quoted(line)}")
            break
        best = _plainer(best, read_line(line, phrasing, numbers))
    if best is None:
        return _not_understood(text)
    if len(best.probabilities) > 1:
        return Confidence(reason=f"the stated confidence contradicts itself: {_quoted(text)}")
    (probability,) = best.probabilities
    return _not_understood(text) if probability is None else Confidence(probability)


def _unwrapped(text: str) -> str:
    answer = without_thought(text)
    bare = _FENCE.sub("", answer.strip())
    if bare.startswith("{"):
        named = [value for name, value in spelled_object(bare).items() if any(part in name.lower() for part in _NAMES)]
        if len(named) == 1 and isinstance(named[0], int | float | str) and not isinstance(named[0], bool):
            return f"confidence: {named[0]}"
    return _BOXED.sub(r"\1", answer)


def _is_of_another(line: str, known: str) -> bool:
    """Whether a line speaks of an error, of a doubt, or of another answer than the known one."""
    folded = fold(line).replace("’", "'")
    wrong = _SAYS_WRONG.search(folded)
    if wrong and not _MIGHT.search(folded[: wrong.start()]) and not _MIGHT.search(wrong[0]):
        return True
    if _OF_AN_ERROR.search(_NO_DOUBT.sub(" ", folded)):
        return True
    another = _ANOTHER.search(folded)
    return another is not None and normalize(another["name"]) not in normalize(known)


def _plainer(best: LineReading | None, new: LineReading | None) -> LineReading | None:
    """The reading that counts of two lines, the second behind the first."""
    if best is None or new is None:
        return best or new
    if new.order < best.order:
        return new
    if new.is_plain and new.order == best.order:
        return LineReading(best.probabilities | new.probabilities, best.rank, best.is_alone)
    return best


def _not_understood(text: str) -> Confidence:
    return Confidence(reason=f"the stated confidence was not understood: {_quoted(text)}")


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else f"{line[:59]}…")
