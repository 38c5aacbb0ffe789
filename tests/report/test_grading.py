"""A report says in sentences who graded, above all where the model under test judged itself."""

from __future__ import annotations

from typing import Any

import pytest

from raycal.grading.agreement import agreement
from raycal.report.grading import Grading, ShownGrader, ShownJudge, read_grading

UNDER_TEST, OTHER = ShownJudge("small@1", is_under_test=True), ShownJudge("large@2", is_under_test=False)
AGREED = agreement([True, True, False, None], [True, False, False, True])


@pytest.mark.parametrize(
    ("grading", "sentences"),
    [
        (Grading(), []),
        (Grading([ShownGrader("match")]), ["The answers were graded by match."]),
        (
            Grading([ShownGrader("judge", UNDER_TEST)]),
            ["The answers were graded by the model under test (judge), which judged itself."],
        ),
        (
            Grading([ShownGrader("strict", OTHER), ShownGrader("judge", UNDER_TEST, AGREED)]),
            [
                "The answers were graded by the model large@2 (strict).",
                "strict and judge (the model under test) agree on 66.7% of 3 answers, kappa 0.40.",
            ],
        ),
        (
            Grading([ShownGrader("match"), ShownGrader("human", None, agreement([True], [None]))], OTHER),
            [
                "The answers were graded by match.",
                "match and human cannot be compared: no row was decided by both graders.",
                "Which answers mean the same was judged by the model large@2.",
            ],
        ),
        (
            Grading([ShownGrader("match"), ShownGrader("human", None, agreement([True], [True]))]),
            [
                "The answers were graded by match.",
                "match and human agree on 100.0% of 1 answers, no kappa: "
                "both graders gave every row the same verdict, so that agreement by chance is certain.",
            ],
        ),
    ],
)
def test_sentences(grading: Grading, sentences: list[str]) -> None:
    assert grading.sentences == sentences


def test_a_runs_record_is_read() -> None:
    graders: list[dict[str, Any]] = [
        {"label": "match", "grader": "match/2", "judge": None, "self_judged": False},
        {"label": "judge", "grader": "judge/auto/0/small@1", "judge": "small@1", "self_judged": True},
    ]
    record = {"graders": graders, "equivalence": {"judge": "large@2", "self_judged": False}}
    found = read_grading(record, {"match and judge": vars(AGREED)})
    assert found == Grading([ShownGrader("match"), ShownGrader("judge", UNDER_TEST, AGREED)], OTHER)


def test_a_run_of_an_older_raycal_says_nothing() -> None:
    assert read_grading({}, {}).sentences == []
