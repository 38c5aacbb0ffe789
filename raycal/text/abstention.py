"""Whether a reply says that there is no answer: "I don't know", "Unanswerable.", "The passage does not say."

What counts is the first sentence: a refusal, or that something is not said, not known or does not exist. In front of it
may stand what it is about ("Who won is not mentioned") or what it is based on ("Based on the passage, ..."), but no
answer ("Paris, I'm not sure"), and none may follow behind "but", "maybe" or the like ("I'm not sure, but maybe Paris").
"""

from __future__ import annotations

import re

from raycal.text.refusals import NOT_KNOWING, STILL

_ABSENCE = re.compile(
    r"""
    \b(?:un|not\s+)answerable\b
  | \bno\s+(?:(?:known|clear|correct|definite|definitive|specific|single|such|right|possible)\s+)*
        (?:answer|information|mention)\b
  | (?:\b(?:is|are|was|were|has|have)(?:\s+not|n't)|^\W*not)\s+(?:\w+ly\s+)?(?:been\s+)?
        (?:mentioned|stated|specified|given|provided|known|said|named|discussed|included|possible|enough|clear)\b
  | \b(?:does|do|did)(?:\s+not|n't)\s+(?:\w+ly\s+)?
        (?:mention|state|specify|say|provide|give|contain|include|answer|name|tell|exist|indicate|discuss|describe)\b
  | \b(?:cannot|can't|can\s+not|could\s+not)\s+be\s+(?:\w+ly\s+)?(?:found|inferred|concluded|said|told|answered)\b
  | \b(?:nobody|no\s+one)\s+(?:really\s+)?(?:knows|can\s+(?:know|say|tell|answer))\b
  | \b(?:is|are|remains?)\s+(?:unknown|unclear|unspecified|unanswered|unknowable|impossible\s+to)\b
  | ^\W*(?:none|nothing|unspecified|not\s+available)\W*$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LEAD = re.compile(
    r"\W*(?:i'?m\s+(?:very\s+|so\s+)?sorry|sorry|unfortunately|apologies|i\s+apologi[sz]e|honestly|well|hm+|based\s+on|"
    r"according\s+to|given|from|as|since|because|while|although|though|so|therefore|thus|and|but|answer|in\s+(?:the|this)\s+"
    r"(?:passage|text|context|article|paragraph)s?)\b",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"[.!?](?=\s|$)|\n")
_CLAUSE_ENDS = re.compile(r"[,;:]\s|\s[-–—]\s")


def abstains(text: str) -> bool:
    """Whether a final answer says that there is none, or that it is not known.

    >>> [abstains(reply) for reply in ("I don't know.", "The passage does not say.", "Paris. I'm not sure.")]
    [True, True, False]
    """
    plain = text.replace("’", "'").strip()
    statements = [found for pattern in (NOT_KNOWING, _ABSENCE) if (found := pattern.search(plain))]
    if not statements:
        return False
    statement = min(statements, key=lambda found: found.start())
    front = plain[: statement.start()]
    clauses = _CLAUSE_ENDS.split(front)
    if _SENTENCE_ENDS.search(front.strip()) or not all(_LEAD.match(clause) for clause in clauses[:-1]):
        return False
    still = STILL.search(plain, statement.end())
    return still is None or abstains(plain[still.end() :])
