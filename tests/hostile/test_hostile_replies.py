"""Replies that are hostile or broken: what was written, and the grade that must come, at once."""

from __future__ import annotations

import time

import pytest

from raycal.grading import Reason, match, parse_verdict
from raycal.methods.stated_reply import read_confidence
from raycal.models.prompts import Phrasing
from raycal.questions.question import Kind
from raycal.text.answer_form import answer_form

CITIES = ("London", "Paris", "Rome", "Berlin")
LONG = 40_000  # characters
SECONDS = 20.0  # far beyond what reading takes, far below what a square would

OPEN = [
    ("zero-width-space", "Pa\u200bris", True, Reason.EXACT),
    ("soft-hyphen", "Pa\u00adris", True, Reason.EXACT),
    ("byte-order-mark", "\ufeffParis", True, Reason.EXACT),
    ("right-to-left-override", "\u202eParis\u202c", True, Reason.EXACT),
    ("full-width", "Ｐａｒｉｓ", True, Reason.EXACT),
    ("null-byte", "Paris\0", True, Reason.EXACT),
    ("lone-surrogate", "Paris \ud800", True, Reason.EXACT),
    ("cyrillic-look-alike", "Pаris", False, Reason.DIFFERENT),
    ("empty-box", r"\boxed{}", False, None),
    ("open-box", r"\boxed{Lyon", False, None),
    ("empty-tag", "<answer></answer>", False, None),
    ("tag-without-end", "<answer>Paris", True, Reason.EXACT),
    ("two-thoughts", "<think>Lyon</think><think>Rome</think>Paris", True, Reason.EXACT),
    ("thought-without-start", "Lyon?</think>Paris", True, Reason.EXACT),
    ("thought-in-a-thought", "<think>a<think>Paris</think>Lyon", False, Reason.DIFFERENT),
    ("object-without-answer", '{"confidence": 90}', False, None),
    ("object-that-is-code", "{'answer': __import__('os').getcwd()}", False, None),
    ("object-nested-deep", '{"a":' * 2000 + "1" + "}" * 2000, False, None),
    ("number-of-many-digits", "9" * 20_000, False, Reason.DIFFERENT),
    ("huge-exponent", "1e999", False, Reason.DIFFERENT),
    ("fraction-by-zero", "1/0", False, Reason.DIFFERENT),
    ("date-that-is-none", "99/99/1965", False, Reason.DIFFERENT),
]


@pytest.mark.parametrize(("reply", "correct", "reason"), [row[1:] for row in OPEN], ids=[row[0] for row in OPEN])
def test_hostile_reply_has_its_grade(reply: str, correct: bool, reason: Reason | None) -> None:
    grade = match(reply, ["Paris"], kind=Kind.OPEN)
    assert grade.correct is correct
    assert reason is None or grade.reason == reason


@pytest.mark.parametrize(
    "pattern",
    ["B ", "a ", "1,", "1,000", "5 to ", "(", "{", "$", "\\frac", "\\boxed{", "#### ", "answer is ", "No, wait, ",
     "I don't know but ", "<think>", "\n", "e\u0301", "90% ", "0.", '{"answer":', "but it is ", "the "],
)  # fmt: skip
def test_long_reply_is_read_at_once(pattern: str) -> None:
    reply = (pattern * LONG)[:LONG]
    start = time.monotonic()
    assert match(reply, ["Paris"], kind=Kind.OPEN).correct is False
    assert match(reply, ["5 km"], kind=Kind.OPEN).correct is False
    match(reply, ["Paris"], kind=Kind.CHOICE, choices=CITIES)
    answer_form(reply)
    read_confidence(reply, Phrasing.PERCENT)
    parse_verdict(reply)
    assert time.monotonic() - start < SECONDS
