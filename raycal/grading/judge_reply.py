"""A judge's reply: yes, no, or nothing that can be relied on."""

from __future__ import annotations

import re

from raycal.text.final_answer import without_thought

VERDICT_TOKENS = 10  # that a judge's reply may have
_VERDICTS = {"yes": True, "correct": True, "no": False, "incorrect": False}
_WORD = r"(?P<word>yes|no|correct|incorrect)"
# A clause may follow "yes" and "no" without a comma, but "no answer was given" is no verdict.
_ENDS = r"""(?=\s*(?:$|[.,;!\-–—\n*"')\]]))"""
_CLAUSE = r"(?=\s+(?:it|the|this|that|they|these|those|both|because|since|as|there|he|she)\b)"
_FIRST = re.compile(rf"[\W_]*(?:{_WORD}{_ENDS}|(?P<clause>yes|no){_CLAUSE})", re.IGNORECASE)
_LABELLED = re.compile(rf"\b(?:verdict|answer)\W*:[\W_]*{_WORD}{_ENDS}", re.IGNORECASE)
# "Yes and no", "yes/no", "yes, no", "Yes. No."
_SECOND = re.compile(r"[\W_]*(?:(?:and|or|but)\s+)?(yes|no|correct|incorrect)\b", re.IGNORECASE)


def parse_verdict(reply: str) -> bool | None:
    """The verdict of a judge's reply, or None where it is absent or contradictory.

    It must be the reply's first word ("Yes.", "no, because ...") or follow "verdict:" or "answer:" on the last line;
    "yes" anywhere else, such as in a thought, is not a yes. Where both are there they must agree, and a verdict must
    not be followed by its opposite ("Yes and no").
    """
    reply = without_thought(reply)
    lines = [line for line in reply.splitlines() if line.strip()]
    if not lines:
        return None
    first, labelled = _FIRST.match(reply.lstrip()), _LABELLED.search(lines[-1])
    verdict_matches = [verdict for verdict in (first, labelled) if verdict]
    words = [verdict["word"] or verdict["clause"] for verdict in verdict_matches]
    words += [second[1] for verdict in verdict_matches if (second := _SECOND.match(verdict.string, verdict.end()))]
    verdicts = {_VERDICTS[word.lower()] for word in words}
    return verdicts.pop() if len(verdicts) == 1 else None
