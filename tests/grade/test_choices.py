"""The match grader on multiple-choice questions."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from question_sets import for_each_set

from raycal.grading import Reason, match
from raycal.questions.question import Kind

CITIES = ("London", "Paris", "Rome", "Berlin")
VITAMINS = ("Vitamin A", "Vitamin B", "Vitamin C", "Vitamin D")


def is_right(reply: str, answer: str = "Paris", choices: tuple[str, ...] = CITIES) -> bool | None:
    return match(reply, [answer], kind=Kind.CHOICE, choices=choices).correct


RIGHT = [
    "B", "b", " B ", "B.", "B)", "(B)", "(b)", "b)", "b.", '"B"', "**B**", "B:", "[B]",
    "B) Paris", "B. Paris", "(b) Paris", "B: Paris", "B - Paris", "B, Paris", "B Paris", "b) paris",
    "Answer: B", "The answer is B.", "The correct answer is (B) Paris.", "Option B", "Option (B): Paris", "choice b)",
    "It's B", "I think B", "I would choose B", "B, because Rome is not in France", "B is right", "#### B", "\nB\nC",
    "Not A, B", "B, not C", "Paris", "paris.", "The answer is Paris", "It is Paris, the capital", "Paris (B)",
]  # fmt: skip

WRONG = [
    "A", "a", "A.", "(C)", "The answer is D", "E", "Z.", "AB", "B or C", "B, C", "B/C", "B and C", "Both A and B",
    "A or B", "(A) or (B)", "not B", "The answer is not B", "B) London", "London (B)", "Option B: Rome",
    "Paris or Rome", "London", "A dog is an animal", "A is right", "I am certain", "", "I don't know", "None of them",
    "Madrid", "not Paris", "Be careful", "The b vitamin",
]  # fmt: skip


@pytest.mark.parametrize("reply", RIGHT)
def test_right_choice_is_named(reply: str) -> None:
    assert is_right(reply)


@pytest.mark.parametrize("reply", WRONG)
def test_right_choice_is_not_named(reply: str) -> None:
    assert not is_right(reply)


@pytest.mark.parametrize("reply", ["A dog barked", "A dog", "Is a dog"])
def test_article_is_not_the_first_choice(reply: str) -> None:
    assert not is_right(reply, "London")


@pytest.mark.parametrize("reply", ["A", "A.", "A, I think", "A is right", "A because it is", "Option A", "(a)"])
def test_first_choice_can_be_named(reply: str) -> None:
    assert is_right(reply, "London")


def test_letters_within_a_choice_belong_to_its_text() -> None:
    assert is_right("Vitamin C", "Vitamin C", VITAMINS)
    assert is_right("It is vitamin C.", "Vitamin C", VITAMINS)
    assert not is_right("Vitamin C", "Vitamin B", VITAMINS)
    assert not is_right("B. Vitamin C", "Vitamin C", VITAMINS)
    both = ("Only X rays", "Only heat", "Both A and B", "Neither")
    assert is_right("C. Both A and B", "Both A and B", both)
    assert is_right("Both A and B", "Both A and B", both)


def test_letter_counts_before_a_choice_of_one_letter() -> None:
    elements = ("As", "P", "Sb", "B")
    assert is_right("B", "P", elements)
    assert not is_right("B.", "B", elements)
    assert is_right("D", "B", elements)
    assert is_right("The answer is P", "P", elements)


def test_every_letter_of_the_same_text_counts() -> None:
    choices = ("687", "687", "1,493", "1,695")
    assert is_right("A", "687", choices)
    assert is_right("B", "687", choices)
    assert is_right("A or B", "687", choices)
    assert is_right("687", "687", choices)
    assert not is_right("C", "687", choices)


def test_choices_that_differ_in_their_marks_are_told_apart() -> None:
    choices = ("x-1", "x+1", "(x-1)", "x 1")
    for index, choice in enumerate(choices):
        assert [is_right(choice, other, choices) for other in choices] == [index == i for i in range(4)]
        assert [is_right("ABCD"[index], other, choices) for other in choices] == [index == i for i in range(4)]


def test_text_within_a_longer_choice_is_not_named() -> None:
    choices = ("Paris", "Paris, Texas", "12", "2")
    assert is_right("I mean Paris, Texas", "Paris, Texas", choices)
    assert not is_right("I mean Paris, Texas", "Paris", choices)
    assert is_right("It must be 12", "12", choices)


def test_choices_without_the_answer_are_refused() -> None:
    with pytest.raises(ValueError, match=r"none of the accepted answers \['Madrid'\] is among the choices"):
        match("B", ["Madrid"], kind=Kind.CHOICE, choices=CITIES)


def test_reason_tells_how_the_choice_was_named() -> None:
    reasons = {
        reply: match(reply, ["Paris"], kind=Kind.CHOICE, choices=CITIES).reason
        for reply in ("B", "Paris", "I mean Paris", "B or C", "C", "I don't know", "")
    }
    assert list(reasons.values()) == [
        Reason.LETTER, Reason.EXACT, Reason.CONTAINED, Reason.SEVERAL, Reason.DIFFERENT, Reason.REFUSAL, Reason.EMPTY,
    ]  # fmt: skip


@given(
    st.lists(st.text(st.characters(codec="latin-1", categories=["L"]), min_size=2, max_size=9), min_size=2, max_size=8),
    st.data(),
)
def test_letter_and_text_name_their_choice_and_no_other(texts: list[str], data: st.DataObject) -> None:
    choices = tuple(dict.fromkeys(texts))
    index = data.draw(st.integers(0, len(choices) - 1))
    for reply in ("ABCDEFGH"[index], f"({'abcdefgh'[index]})", choices[index]):
        assert [is_right(reply, answer, choices) for answer in choices] == [i == index for i in range(len(choices))]


@pytest.mark.parametrize("form", ["{letter}", "({letter})", "{letter}. {text}", "The answer is ({letter}).", "{text}"])
@for_each_set(ours=(39, 0), public=(400, 1))
def test_choices_of_mmlu_are_told_apart(data: Path, expected: tuple[int, int], form: str) -> None:
    least_read, most_confused = expected
    confused, read = [], 0
    for path in sorted((data / "mmlu" / "test").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(islice(csv.DictReader(file), 8))
        for row in rows:
            choices = tuple(row[f"choice{i}"] for i in range(4))
            if len(set(choices)) < 4 or not all(c.strip() for c in choices):
                continue
            read += 1
            for index, letter in enumerate("ABCD"):
                reply = form.format(letter=letter, text=choices[index])
                if is_right(reply, choices[int(row["answer"])], choices) != (index == int(row["answer"])):
                    confused.append((reply, choices))
    assert read >= least_read
    assert len(confused) <= most_confused, confused
