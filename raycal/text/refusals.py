"""Refusals to answer: "I don't know", "As an AI ...", "It cannot be determined"."""

from __future__ import annotations

import re

NOT_KNOWING = re.compile(
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
STILL = re.compile(
    r"\b(?:but|however|maybe|perhaps|probably|possibly|likely|guess|guessing|think|believe)\b", re.IGNORECASE
)


def without_refusal(text: str) -> str:
    """The reply without its refusals: what stands in front, and what a word like "but" introduces behind."""
    plain = text.replace("’", "'")
    kept, position = [], 0
    while refusal := NOT_KNOWING.search(plain, position):
        kept.append(text[position : refusal.start()])
        still = STILL.search(plain, refusal.end())
        if still is None:
            return "; ".join(kept)
        position = still.end()
    return "; ".join([*kept, text[position:]])
