"""The math grader: expressions that are equal in value, and expressions that are hostile."""

from __future__ import annotations

import time

import pytest

from raycal.grading.expressions import SECONDS, equal_values
from raycal.grading.grader import AnsweredQuestion, Grade
from raycal.grading.match import Reason
from raycal.grading.maths import EQUAL_VALUE, Math


def grade(reply: str, *accepted: str, choices: tuple[str, ...] = ()) -> Grade:
    (result,) = Math().grade([AnsweredQuestion("What is it?", choices, accepted, reply)])
    return result


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [
        (r"\boxed{\frac{3}{24}}", r"\frac{1}{8}"),
        (r"The answer is $x = 2\sqrt{2}$.", r"\sqrt{8}"),
        (r"\boxed{(-1,6)}", "( -1, 6 )"),
        (r"\boxed{\{3, 5, 7\}}", r"\{7,5,3\}"),
        (r"\boxed{2(a+1)}", "2a+2"),
        (r"\boxed{\begin{pmatrix} 0.5 \\ 1 \end{pmatrix}}", r"\begin{pmatrix} \frac12 \\ 1 \end{pmatrix}"),
    ],
)
def test_equal_values_are_right(reply: str, accepted: str) -> None:
    assert grade(reply, accepted).correct


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [(r"\boxed{(6,-1)}", "(-1,6)"), (r"\boxed{\frac{1}{3}}", "0.33"), ("Evelyn", r"\text{Angela}"), ("", "5")],
)
def test_other_values_are_wrong(reply: str, accepted: str) -> None:
    assert grade(reply, accepted).correct is False


def test_what_match_reads_needs_no_mathematics() -> None:
    assert grade("18 dollars", "18").reason == Reason.NUMBER
    assert grade("B", "4", choices=("3", "4")).reason == Reason.LETTER
    assert grade("C", "4", choices=("3", "4", "5")).correct is False


def test_any_accepted_answer_may_be_equal() -> None:
    assert grade(r"\boxed{\sqrt{8}}", "7", r"2\sqrt{2}") == Grade(True, r"\sqrt{8}", EQUAL_VALUE, "\\boxed")


def test_endless_expression_costs_its_time_and_no_other_grade() -> None:
    start = time.monotonic()
    tower = "9^{9^{9^9}}"
    assert equal_values([("5", tower), (r"\frac{10}{2}", "5"), ("5", "(" * 3000)]) == [None, True, False]
    assert time.monotonic() - start < 10 * SECONDS
    result = grade(rf"\boxed{{{tower}}}", "5")
    assert result.correct is None
    assert "not compared" in result.reason
