from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.questions import Kind, Question, QuestionError, Split, split_of


def question(**changes: Any) -> Question:
    fields: dict[str, Any] = {
        "dataset": "d",
        "kind": Kind.OPEN,
        "question": "Who?",
        "answers": ("me",),
        "split": Split.TEST,
    }
    return Question(**(fields | changes))


EXPECTED = [
    Split.TRAIN,
    Split.TEST,
    Split.CALIBRATION,
    Split.TRAIN,
    Split.TRAIN,
    Split.TRAIN,
    Split.CALIBRATION,
    Split.TRAIN,
]


def test_splits_never_change() -> None:
    # Published numbers depend on these: a change here is a change of every split that was ever reported.
    asked = [f"What is the capital of country {number}?" for number in range(8)]
    assert [split_of(text) for text in asked] == EXPECTED


def test_splits_have_their_shares_of_many_questions() -> None:
    splits = [split_of(f"question {number}") for number in range(20_000)]
    shares = {split: splits.count(split) / len(splits) for split in Split}
    assert shares == {
        Split.FEW_SHOT: 0,
        Split.TRAIN: pytest.approx(0.50, abs=0.015),
        Split.CALIBRATION: pytest.approx(0.15, abs=0.015),
        Split.TEST: pytest.approx(0.35, abs=0.015),
    }


@given(st.text(st.characters(codec="ascii"), min_size=1), st.sampled_from([" ", "\n", "\t ", "\u3000"]))
def test_case_width_and_spacing_do_not_move_a_question_to_another_split(text: str, space: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    assert split_of(text) == split_of(text.upper()) == split_of(f"{space}{text}{space}") == split_of(wide)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": " \n"}, "the question is empty"),
        ({"answers": ()}, "no accepted answer"),
        ({"answers": ("a", " ")}, "no accepted answer"),
        ({"kind": Kind.CHOICE}, "cannot have 0 choices"),
        ({"choices": ("me", "you")}, "cannot have 2 choices"),
        ({"kind": Kind.CHOICE, "choices": ("you", "they")}, "'me' is not among the choices"),
        ({"kind": Kind.CHOICE, "choices": ("me", "you", "me")}, "'me' stands twice"),
        ({"kind": Kind.CHOICE, "choices": ("me", *map(str, range(26)))}, "27 choices, but only 26 letters"),
    ],
)
def test_a_question_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        question(**changes)


def test_an_id_names_what_is_asked_and_not_what_is_accepted() -> None:
    asked = question()
    assert asked.id == question(answers=("you",), subject="s", split=Split.TRAIN, metadata={"a": 1}).id
    others = [
        question(dataset="e"),
        question(question="Whose?"),
        question(kind=Kind.CHOICE, choices=("me", "you")),
        question(kind=Kind.CHOICE, choices=("you", "me")),
    ]
    assert len({asked.id, *(other.id for other in others)}) == 5
