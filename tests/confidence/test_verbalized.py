"""Stated confidences: what they say, and when they say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import score

from raycal.methods.evidence import Evidence, Reply
from raycal.methods.stated_confidence import WORDS
from raycal.methods.stated_reply import read_confidence
from raycal.methods.verbalized import Verbalized
from raycal.models.prompts import Phrasing

PROBABILITY, PERCENT, IN_WORDS = Phrasing.PROBABILITY, Phrasing.PERCENT, Phrasing.WORDS

# Read alike whatever was asked for.
ALIKE = [
    ("0.9", 0.9),
    ("0.90", 0.9),
    ("0.9.", 0.9),
    (".9", 0.9),
    ("0,9", 0.9),
    ("**0.9**", 0.9),
    ("~0.9", 0.9),
    ("0", 0.0),
    ("0.0", 0.0),
    ("1.0", 1.0),
    ("1,0", 1.0),
    ("100", 1.0),
    ("100.0", 1.0),
    ("85", 0.85),
    ("90%", 0.9),
    ("90 %", 0.9),
    ("90 percent", 0.9),
    ("ninety per cent", 0.9),
    ("ninety-five percent", 0.95),
    ("99.9%", 0.999),
    ("99,9 %", 0.999),
    ("95,5%", 0.955),
    ("95,5 per cent", 0.955),
    ("85.5percent", 0.855),
    ("1%", 0.01),
    ("0.5%", 0.005),
    ("0%", 0.0),
    ("100%", 1.0),
    ("9/10", 0.9),
    ("90/100", 0.9),
    ("9 / 10", 0.9),
    ("9 out of 10", 0.9),
    ("nine out of ten", 0.9),
    ("9 in 10", 0.9),
    ("1/3", 1 / 3),
    ("10/10", 1.0),
    ("50/50", 0.5),
    ("50-50", 0.5),
    ("fifty-fifty", 0.5),
    ("between 70% and 80%", 0.75),
    ("70-80%", 0.75),
    ("70% - 80%", 0.75),
    ("70% to 80%", 0.75),
    ("0.7-0.8", 0.75),
    ("0.1 to 0.2", 0.15),
    ("Confidence: 0.85", 0.85),
    ("Probability = 85%", 0.85),
    ("My confidence is 85", 0.85),
    ("My confidence in this answer is about 85", 0.85),
    ("The probability that the answer is correct is 0.7.", 0.7),
    ("I am 80% sure", 0.8),
    ("80 percent confident", 0.8),
    ("There is a 90% chance that it is right", 0.9),
    ("I'd say 85", 0.85),
    ("at least 90%", 0.9),
    ("0.85 because I remember it", 0.85),
    ("0.8 (on a scale from 0 to 1)", 0.8),
    ("From 0% to 100%: 80%", 0.8),
    ("0.9\n\nQuestion: How sure are you? 0.3", 0.9),
    ("\n\nAnswer: Rome\nConfidence: 0.9", 0.9),
    ("I am 80% sure that 20 of them came", 0.8),
    ("80%, I'm not completely sure", 0.8),
    ("I'm 80% sure, but I may be wrong", 0.8),
    ("80% sure it's Paris, not Lyon", 0.8),
    ("It is 0.5km away: 80%", 0.8),
    ("Confidence: 80%, as 30% of the people say", 0.8),
    # words
    ("almost certain", 0.95),
    ("Very likely.", 0.9),
    ("highly likely", 0.9),
    ("Likely", 0.7),
    ("It is probably correct", 0.7),
    ("about even", 0.5),
    ("Unlikely!", 0.2),
    ("probably not", 0.25),
    ("very unlikely", 0.05),
    ("**Almost impossible**", 0.02),
    ("certain", 0.99),
    ("I am certain.", 0.99),
    ("likely (95%)", 0.95),
]

# Read by the scale that was asked for: probability, percent, words. None is missing.
BY_PHRASING = [
    ("1", 1.0, None, None),
    ("7", None, 0.07, None),
    ("5", None, 0.05, None),
    ("10", 0.1, 0.1, 0.1),
    ("1.5", None, 0.015, None),
]

MISSING = [
    "",
    "  \n ",
    "150%",
    "-0.2",
    "-5%",
    "101",
    "1972",
    "11/10",
    "3/0",
    "80 to 70%",
    "0.8 0.3",
    "80% or 90%",
    "0.9, no, 0.2",
    "very unlikely, unlikely, likely, very likely",
    "not 90% sure",
    "I'm not very sure",
    "not likely",
    "0.9e0",
    "1.5e-1",
    "0. 9",
    "Confidence: 0. 95",
    "90 .5%",
    "9 0%",
    "95,5",
    "95,5-96,5%",
    "likely not",
    "almost certainly not",
    "very likely incorrect",
    "It is unlikely to be wrong",
    "I'm 100% certain it is incorrect.",
    "I'm 100% certain that this is not right",
    "There is a 5% chance that it is wrong",
    "The probability that the answer is wrong is 5%",
    "Likelihood of an error: very unlikely",
    "I am sure",
    "yes",
    "high",
    "(ii)",
    "between 0.0 and 1.0",
    "Paris has 20 districts",
    "A certain city on the Seine",
    "The answer is 42",
    "x",
]


@pytest.mark.parametrize("phrasing", Phrasing)
@pytest.mark.parametrize(("text", "value"), ALIKE)
def test_stated_confidence(text: str, value: float, phrasing: Phrasing) -> None:
    assert read_confidence(text, phrasing).value == value


@pytest.mark.parametrize(("text", "probability", "percent", "in_words"), BY_PHRASING)
def test_bare_number_is_read_by_the_scale_asked_for(
    text: str, probability: float | None, percent: float | None, in_words: float | None
) -> None:
    assert read_confidence(text, PROBABILITY).value == probability
    assert read_confidence(text, PERCENT).value == percent
    assert read_confidence(text, IN_WORDS).value == in_words


@pytest.mark.parametrize("phrasing", Phrasing)
@pytest.mark.parametrize("text", MISSING)
def test_what_is_not_understood_is_missing(text: str, phrasing: Phrasing) -> None:
    confidence = read_confidence(text, phrasing)
    assert confidence.value is None
    assert confidence.reason


def test_reason_says_what_was_wrong() -> None:
    assert read_confidence("", PERCENT).reason == "the stated confidence is empty"
    assert read_confidence("150%", PERCENT).reason == "the stated confidence was not understood: '150%'"
    assert read_confidence("0.8 0.3", PERCENT).reason == "the stated confidence contradicts itself: '0.8 0.3'"
    reason = read_confidence("blah " * 100, PERCENT).reason
    assert reason is not None
    assert len(reason) < 120


def test_numbers_of_question_and_answer_are_not_the_confidence() -> None:
    known = "How many of the 50 states voted in 1972?\n42"
    assert read_confidence("42 is right: 0.8", PERCENT, known=known).value == 0.8
    assert read_confidence("I am 80% sure that 42 of 50 voted", PERCENT, known=known).value == 0.8
    assert read_confidence("The answer 42 is right", PERCENT, known=known).value is None
    assert read_confidence("Likelihood that it is 42: high", PERCENT, known=known).value is None
    assert read_confidence("It is very likely that 42 is right", PERCENT, known=known).value == 0.9
    # Said alone, or named as the confidence, they are.
    assert read_confidence("50", PERCENT, known=known).value == 0.5
    assert read_confidence("Confidence: 50%", PERCENT, known=known).value == 0.5


def test_words_are_ordered_as_their_meanings() -> None:
    offered = [
        "almost certain",
        "very likely",
        "likely",
        "about even",
        "unlikely",
        "very unlikely",
        "almost impossible",
    ]
    values = [WORDS[words] for words in offered]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)


def test_score_reads_the_phrasing_of_the_configuration() -> None:
    replies = {"probability": Reply("0.3"), "percent": Reply("40%")}
    row = Evidence(question_id="q", question="How many?", answer="7", replies=replies)
    assert score(Verbalized(phrasing=PROBABILITY), [row])[0].value == 0.3
    assert score(Verbalized(phrasing=PERCENT), [row])[0].value == 0.4
    assert score(Verbalized(phrasing=IN_WORDS), [row])[0].reason == "no stated confidence"


@given(st.text(), st.sampled_from(Phrasing), st.text())
def test_no_text_breaks_the_reading(text: str, phrasing: Phrasing, known: str) -> None:
    confidence = read_confidence(text, phrasing, known=known)
    assert (confidence.value is None) == bool(confidence.reason)


@given(st.integers(0, 1000), st.sampled_from(Phrasing))
def test_every_percentage_and_probability_is_read_exactly(tenths: int, phrasing: Phrasing) -> None:
    assert read_confidence(f"{tenths / 10}%", phrasing).value == tenths / 1000
    assert read_confidence(f"Confidence: {tenths / 1000:.3f}", phrasing).value == tenths / 1000


@given(st.integers(101, 10**6), st.sampled_from(Phrasing), st.sampled_from(["{}", "{}%", "-{}", "Confidence: {}"]))
def test_nothing_out_of_range_is_read(number: int, phrasing: Phrasing, form: str) -> None:
    assert read_confidence(form.format(number), phrasing).value is None
