"""Which line of a reply states the confidence, and of what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.methods.stated_reply import read_confidence
from raycal.models.prompts import Phrasing

KNOWN = "What is the capital of France?\nParis"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>At first 30%, perhaps.</think>\n70%", 0.7),
        ("no tag opens it: 30%</think>70%", 0.7),
        ("Paris\n0.7", 0.7),
        ("12\n70%", 0.7),
        ("About 3 in 10 people know this.\n70%", 0.7),
        ("It has 20% of the people.\nConfidence: 70%", 0.7),
        ("70%\n\nAbout 20% of all people live there.", 0.7),
        ("70%\n80%", None),
        ("Confidence: 70%\nConfidence: 80%", None),
        ('{"confidence": 0.7, "answer": "Paris"}', 0.7),
        ('```json\n{"probability": "70%"}\n```', 0.7),
        ('{"confidence": 0.7, "probability": 0.2}', None),
        ('{"confidence": true}', None),
        (r"\boxed{0.7}", 0.7),
        ("Confidence (0-100): 70", 0.7),
        ("Confidence [0.0-1.0] : 0.7", 0.7),
        ("Confidence (0-1): 7", None),
        ("Confidence (1-10): 7", None),
        ("On a scale of 0 to 100, 70", 0.7),
        ("70 points out of 100", 0.7),
        ("60~80%", 0.7),
        ("60% – 80%", 0.7),
        ("60 or 80%", None),
        ("70+%", 0.7),
        ("This is incorrect. I am 70% sure.", None),
        ("Incorrect! 70%", None),
        ("The answer is not right: 70%", None),
        ("It may be wrong, but I am 70% sure.", 0.7),
        ("30% uncertainty", None),
        ("risk of an error: 30%", None),
        ("Without a doubt 70%", 0.7),
        ("The correct answer is Lyon: 70%", None),
        ("The right answer is Paris: 70%", 0.7),
        ("The answer should be Lyon (70%)", None),
        ("certainly not: 70%", None),
        ("fairly likely", None),
        ("more likely", None),
        ("It is likely.", 0.7),
        ("seventy point five percent", None),
    ],
)
def test_the_one_reading_that_a_reply_leaves(text: str, expected: float | None) -> None:
    confidence = read_confidence(text, Phrasing.PROBABILITY, known=KNOWN)
    assert confidence.value == (None if expected is None else pytest.approx(expected))
    assert (confidence.reason is None) == (expected is not None)


@given(st.text(alphabet="01259.%-~()/ \n{}\\abcorptw:", max_size=60), st.sampled_from(Phrasing))
def test_any_text_has_a_confidence_in_range_or_a_reason(text: str, phrasing: Phrasing) -> None:
    confidence = read_confidence(text, phrasing, known=KNOWN)
    assert (confidence.value is None) != (confidence.reason is None)
