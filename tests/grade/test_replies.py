"""Replies as models write them: each table is of one kind of fault that a grader may make."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.grading import Reason, match
from raycal.questions.question import Kind
from raycal.text.answer_form import answer_form
from raycal.text.final_answer import Source, final_answer
from raycal.text.latex import plain

CITIES = ("London", "Paris", "Rome", "Berlin")

DATA = Path(__file__).parents[1] / "data" / "replies"  # hand-graded; of the choices, Paris is right


def rows(name: str) -> list[dict[str, Any]]:
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_open_replies_are_graded_as_by_hand() -> None:
    table = rows("open")
    wrongly = [row for row in table if match(row["reply"], row["accepted"], kind=Kind.OPEN).correct != row["right"]]
    assert len(table) > 400
    assert not wrongly


def test_replies_name_the_choices_that_they_name_by_hand() -> None:
    table = rows("choice")
    wrongly = [
        row for row in table if match(row["reply"], ["Paris"], kind=Kind.CHOICE, choices=CITIES).correct != row["right"]
    ]
    assert len(table) > 200
    assert not wrongly


@pytest.mark.parametrize(
    ("reply", "text", "source"),
    [
        ("Paris", "Paris", Source.LINE),
        ("The answer is Paris.", "Paris.", Source.CUE),
        ("17?\n#### 18", "18", Source.HASHES),
        (r"It is $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}", Source.BOXED),
        ("<answer> Paris </answer><confidence>90</confidence>", "Paris", Source.TAG),
        ('{"answer": "Paris", "confidence": 0.9}', "Paris", Source.FIELD),
        ("<think>It must be", "", Source.NOTHING),
        ("", "", Source.LINE),
    ],
)
def test_final_answer_says_where_it_was(reply: str, text: str, source: Source) -> None:
    final = final_answer(reply)
    assert (final.text, final.source) == (text, source)


def test_grade_says_why_that_part_was_taken() -> None:
    assert match("The answer is Paris", ["Paris"], kind=Kind.OPEN).explanation == "exact, answer cue"
    assert match("#### C", ["Paris"], kind=Kind.CHOICE, choices=CITIES).explanation == "different, ####"


def test_the_last_of_several_answers_counts() -> None:
    assert final_answer("#### 17\nThe answer is 18").text == "18"
    assert final_answer("The answer is 18\n#### 17").text == "17"
    assert final_answer(r"\boxed{17} \boxed{18}").text == "18"


def test_thought_without_an_end_is_no_answer() -> None:
    grade = match("<think>It may well be Paris", ["Paris"], kind=Kind.OPEN)
    assert (grade.correct, grade.reason) == (False, Reason.UNFINISHED)
    assert match("<think>Is it B?", ["Paris"], kind=Kind.CHOICE, choices=CITIES).reason == Reason.UNFINISHED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{\text{Paris}}", "Paris"),
        (r"1\frac{1}{4}", "1 1/4"),
        (r"\frac{a+b}{2}", "(a+b)/2"),
        (r"90^{\circ}", "90°"),
        ("$5 and $10", "$5 and $10"),
        (r"C:\temp", r"C:\temp"),
        ("{a: 1}", "{a: 1}"),
    ],
)
def test_plain_text_of_latex(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("reply", "form"),
    [("B", "paris"), ("(b)", "paris"), ("B. Paris", "paris"), ("The answer is B", "paris"), ("Paris", "paris")],
)
def test_replies_that_name_one_choice_have_one_form(reply: str, form: str) -> None:
    assert answer_form(reply, CITIES) == form


def test_form_of_an_open_reply_is_its_final_answer() -> None:
    assert answer_form("<think>17?</think>Eighteen") == answer_form("#### 18") == answer_form("18.00") == "18"
    assert answer_form("<think>no end") != answer_form("<think>another")


REPLY = st.text() | st.lists(
    st.sampled_from(
        ["Paris", "B", "A.", "(b)", "not", "or", "and", "wait,", "no,", "the answer is", "5", "km", "to", "-", "/", ",",
         "per", "\n", "####", "<think>", "</think>", "<answer>", r"\boxed{", "}", r"\frac", "$", "{", '"answer":',
         "but it is", "half a", "hundred", "third", "dozen", "1/2", "between", "±", "×", "=", "per", "square", "AD",
         "'70s"]
    )
).map(" ".join)  # fmt: skip


@given(REPLY)
def test_any_reply_is_read(reply: str) -> None:
    assert match(reply, ["Paris"], kind=Kind.OPEN).correct in (True, False)
    assert match(reply, ["5 km"], kind=Kind.OPEN).correct in (True, False)
    assert match(reply, ["yes"], kind=Kind.OPEN).correct in (True, False)
    assert match(reply, ["Paris"], kind=Kind.CHOICE, choices=CITIES).correct in (True, False)
    assert (answer_form(reply) == "") == (not reply.strip())


@given(REPLY)
def test_a_thought_in_front_changes_nothing(reply: str) -> None:
    if re.search("think>|THINK|final", reply):
        return
    for kind, choices in ((Kind.OPEN, ()), (Kind.CHOICE, CITIES)):
        bare = match(reply, ["Paris"], kind=kind, choices=choices)
        behind = match(f"<think>Lyon, or C?</think>{reply}", ["Paris"], kind=kind, choices=choices)
        assert behind.correct == bare.correct
