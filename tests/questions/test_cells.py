from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.questions.cells import (
    MISSING,
    accepted_answers,
    column_names,
    lookup,
    text_of,
)
from raycal.questions.choices import NamedChoices
from raycal.questions.literals import spelled_out
from raycal.questions.question import QuestionError

NESTED = {"answer": {"value": "x", "aliases": ["x", "y"]}, "spans": [{"text": "a"}, {"text": "b"}], "a.b": 1}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("answer.value", "x"),
        ("answer.aliases", ["x", "y"]),
        ("spans.text", ["a", "b"]),
        ("a.b", 1),
        ("answer.none", MISSING),
        ("spans.none", MISSING),
        ("answer.value.deeper", MISSING),
        ("none", MISSING),
        ("none.value", MISSING),
    ],
)
def test_lookup_reaches_into_nested_columns(column: str, cell: Any) -> None:
    assert lookup(NESTED, column) == cell


def test_every_column_name_can_be_looked_up() -> None:
    names = column_names(NESTED)
    assert names == ["answer", "answer.value", "answer.aliases", "spans", "spans.text", "a.b"]
    assert all(lookup(NESTED, name) is not MISSING for name in names)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(" a ", "a"), (18, "18"), (18.0, "18"), (0.5, "0.5"), (True, "yes"), (False, "no"), ("Łódź".encode(), "Łódź")],
)
def test_cells_as_text(cell: Any, text: str) -> None:
    assert text_of(cell) == text


@pytest.mark.parametrize("cell", [None, MISSING, float("nan"), float("inf"), ["a"], {"a": 1}, "\ud800", b"\xff"])
def test_cells_without_a_text_are_refused(cell: Any) -> None:
    with pytest.raises(QuestionError):
        text_of(cell)


@pytest.mark.parametrize(
    ("cell", "separator", "answers"),
    [
        ("Paris", None, ("Paris",)),
        ("a; b;a ;", ";", ("a", "b")),
        ("a; b", None, ("a; b",)),
        (["a", " b", "a", "", None], None, ("a", "b")),
        (1969, None, ("1969",)),
        ([1, 2.5], None, ("1", "2.5")),
        (True, None, ("yes", "true")),
        (False, None, ("no", "false")),
        ("first 9 * 2 = 18\n#### 18", None, ("18",)),
        ("a sum\n#### 1,234,567\n", None, ("1234567", "1,234,567")),
        ("a fraction\n#### 1/2", None, ("1/2",)),
        ("an issue #### of its own", None, ("an issue #### of its own",)),
        ("  ", None, ()),
    ],
)
def test_accepted_answers(cell: Any, separator: str | None, answers: tuple[str, ...]) -> None:
    assert accepted_answers(cell, separator)[0] == answers


def test_what_stands_in_front_of_a_final_answer_is_its_rationale() -> None:
    assert accepted_answers("9 * 2 = 18\nso 18\n#### 18", None) == (("18",), {"rationale": "9 * 2 = 18\nso 18"})


@pytest.mark.parametrize(
    ("cell", "choices", "right"),
    [
        ("cat", ("dog", "cat"), ("cat",)),
        ("B", ("dog", "cat"), ("cat",)),
        ("b", ("dog", "cat"), ("cat",)),
        (1, ("dog", "cat"), ("cat",)),
        (1.0, ("dog", "cat"), ("cat",)),
        ("1", ("dog", "cat"), ("cat",)),
        ("2", ("1", "0", "2"), ("2",)),  # its text and its index are the same choice
        ("E", ("a", "b", "c", "d", "e"), ("e",)),
        (True, ("False", "True"), ("True",)),
        (False, ("yes", "no"), ("no",)),
        (["cat", 0], ("dog", "cat"), ("cat", "dog")),
    ],
)
def test_right_choices_by_text_letter_or_index(cell: Any, choices: tuple[str, ...], right: tuple[str, ...]) -> None:
    assert NamedChoices(cell, choices).right() == right


@pytest.mark.parametrize(
    ("cell", "choices", "message"),
    [
        (2, ("1", "2", "3", "4"), "as well as the position of another"),
        ("A", ("C", "B", "A"), "as well as the position of another"),
        ("bird", ("dog", "cat"), "is neither a text"),
        ("C", ("dog", "cat"), "is neither a text"),
        (-1, ("dog", "cat"), "is neither a text"),
        (True, ("dog", "cat"), "is neither a text"),
        ("²", ("dog", "cat", "cow"), "is neither a text"),
        ("1" * 5000, ("dog", "cat"), "is neither a text"),
        ([], ("dog", "cat"), "names no right choice"),
    ],
)
def test_answers_that_name_no_choice_or_two_are_refused(cell: Any, choices: tuple[str, ...], message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        NamedChoices(cell, choices).right()


@given(st.lists(st.from_regex(r"[a-z]{2,5}", fullmatch=True), min_size=2, max_size=8, unique=True), st.data())
def test_every_way_of_naming_a_choice_agrees(choices: list[str], data: st.DataObject) -> None:
    right = data.draw(st.integers(0, len(choices) - 1))
    ways = (choices[right], right, float(right), str(right), "ABCDEFGH"[right], "abcdefgh"[right])
    assert {NamedChoices(way, tuple(choices)).right() for way in ways} == {(choices[right],)}


@given(st.lists(st.text()))
def test_a_json_list_of_texts_is_read_as_one(texts: list[str]) -> None:
    assert spelled_out(json.dumps(texts)) == texts


@pytest.mark.parametrize("cell", ["[a", "[]x", "plain", 3, None])
def test_any_other_cell_stays_what_it_is(cell: Any) -> None:
    assert spelled_out(cell) is cell
