"""The part of a model's reply that is its answer, and refusals to answer."""

from __future__ import annotations

import re

from raycal.questions.question import Kind
from raycal.text.normalize import first_line

_FINAL = re.compile(r"####\s*(\S.*)")
_ANSWER_IS = re.compile(
    r"\banswers?(?:\s+to\s+(?:the|this|that|your)\s+question)?(?:\s+(?:is|are|was|would\s+be)\b\s*:?|\s*[:=])\s*",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^\W*(?:a|ans|response|output|prediction)\s*:\s*", re.IGNORECASE)

_NOT_KNOWING = re.compile(
    r"""
    \b(?:i|we)\s+(?:(?:really|honestly|simply|just|personally)\s+)?
        (?:do\s+not|don't|cannot|can\s+not|can't|could\s+not|couldn't|am\s+unable\s+to|am\s+not\s+able\s+to)\s+
        (?:actually\s+|really\s+)?(?:know|answer|determine|say|tell|provide|find|recall|remember|have)\b
  | \b(?:i'?m|i\s+am|we\s+are)\s+not\s+(?:\w+\s+)?(?:sure|certain|aware)\b
  | \b(?:i'?m|i\s+am)\s+(?:unsure|unable\b)
  | \b(?:i\s+have\s+)?no\s+idea\b
  | \bas\s+an?\s+(?:ai|artificial\s+intelligence|(?:large\s+)?language\s+model)\b
  | \b(?:cannot|can't|could\s+not|can\s+not)\s+be\s+(?:determined|answered|known|established)\b
  | \b(?:cannot|can't|unable\s+to|impossible\s+to)\s+(?:determine|answer|say|tell|know)\b
  | \b(?:not\s+enough|insufficient)\s+(?:information|context|data)\b
  | \bit\s+is\s+(?:not\s+known|unknown|unclear)\b
  | ^\W*(?:unknown|unsure|not\s+sure|n/a|idk|none\s+given|no\s+answer|no\s+comment)\W*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BUT_STILL = re.compile(
    r"\b(?:but|however|maybe|perhaps|probably|possibly|likely|guess|guessing|think|believe)\b", re.IGNORECASE
)


def extract(text: str, *, kind: Kind) -> str:
    """The part of a reply that is its answer: behind the last "####", else the first line that holds anything.

    Of an open question's, only what follows "answer is" or "answer:"; a choice's text may itself speak of answers.
    """
    final = final_part(text)
    for line in [final] if final else text.splitlines():
        answer = behind_answer_is(line)
        if answer:
            return answer if kind is Kind.OPEN else _stripped(line)
    return first_line(text)


def behind_answer_is(line: str) -> str:
    """What a line says behind "answer is", "answer:" or "A:", or all of it; without markdown around it."""
    return _stripped(_LABEL.sub("", _ANSWER_IS.split(line)[-1]))


def _stripped(text: str) -> str:
    return text.strip().strip("*_`").strip()


def final_part(text: str) -> str:
    """What follows the last "####"; empty where there is none."""
    found = _FINAL.findall(text)
    return found[-1].strip() if found else ""


def without_refusal(text: str) -> str:
    """The reply without its refusals: what stands in front, and what a word like "but" introduces behind."""
    kept = []
    while refusal := _NOT_KNOWING.search(text.replace("’", "'")):
        kept.append(text[: refusal.start()])
        still = _BUT_STILL.search(text, refusal.end())
        if still is None:
            return "; ".join(kept)
        text = text[still.end() :]
    return "; ".join([*kept, text])
