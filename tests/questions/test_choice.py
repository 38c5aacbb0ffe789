from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.questions.items import NEEDS_CHOICES, ChoiceItem, OpenItem, needs_choices, shuffled
from raycal.questions.question import Kind, QuestionError, Split


@given(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=2, unique=True), st.randoms())
def test_shuffling_keeps_the_choices_and_forgets_their_order(question: str, choices: list[str], random: Random) -> None:
    order = shuffled(question, choices)
    assert sorted(order) == sorted(choices)
    random.shuffle(choices)
    assert shuffled(question, choices) == order


def test_shuffling_puts_the_right_choice_everywhere_alike() -> None:
    places = Counter(shuffled(f"question {n}", ("right", "b", "c", "d")).index("right") for n in range(4000))
    # Chi-squared with three degrees of freedom exceeds 16.3 once in a thousand times.
    assert sum((count - 1000) ** 2 / 1000 for count in places.values()) < 16.3


def test_shuffling_differs_between_questions() -> None:
    assert len({shuffled(f"question {n}", "abcd") for n in range(200)}) == 24


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which of the following is a prime?", "7"),
        ("Which statement about enzymes is true?", "They lower the activation energy."),
        ("All of these are planets EXCEPT", "the Moon"),
        ("Which planet is NOT rocky?", "Jupiter"),
        ("Which sentence best describes inertia?", "Bodies resist changes of motion."),
        ("Statement 1 | Every group is abelian. Statement 2 | Every field is a ring.", "False, True"),
        ("What do plants need?", "All of the above."),
        ("What do plants need?", "both A and C"),
        ("What do plants need?", "I, II, and IV only"),
        ("What do plants need?", "(i) and (iii) only"),
        ("What do plants need?", "None of these"),
        ("What do plants need?", "All of the options given are correct"),
        ("Is water wet?", "Yes"),
        ("Every group is abelian.", "False"),
        ("Is water wet?", "(yes/no), yes."),
    ],
)
def test_items_that_need_their_choices(question: str, answer: str) -> None:
    assert needs_choices(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the capital of France?", "Paris"),
        ("Who did not sign the treaty?", "France"),  # "not" in small letters is part of most questions
        ("Our genetic material is made up of:", "deoxyribonucleic acid."),
        ("What happens to the price?", "It falls below the average variable cost."),
        ("What are the coordinates?", "(1, 6)"),
        ("What is it made of?", "carbon"),
        ("What is a right to privacy?", "the right to be left alone"),
        ("Who was it?", "Al Capone"),
        ("Is the motion granted?", "Yes, because all of the evidence is admissible."),
        ("Which bits are set?", f"{'true, ' * 40}maybe"),
    ],
)
def test_items_that_stand_without_their_choices(question: str, answer: str) -> None:
    assert not needs_choices(question, answer)


def test_one_item_has_the_same_question_in_both_forms() -> None:
    item = ChoiceItem(question="Who painted it?", choices=("Monet", "Manet"), right=1, subject="art")
    chosen = item.ask(Kind.CHOICE, dataset="d", split=Split.TEST)
    asked = item.ask(Kind.OPEN, dataset="d", split=Split.TEST)
    assert (chosen.question, chosen.answers, chosen.subject) == (asked.question, asked.answers, asked.subject)
    assert (chosen.choices, asked.choices) == (("Monet", "Manet"), ())


def test_an_item_without_an_open_form_says_why() -> None:
    item = ChoiceItem(question="Which of these?", choices=("a", "b"), right=0)
    with pytest.raises(QuestionError, match=NEEDS_CHOICES):
        item.ask(Kind.OPEN, dataset="d", split=Split.TEST)


@pytest.mark.parametrize("right", [-1, 2])
def test_the_right_choice_must_exist(right: int) -> None:
    with pytest.raises(QuestionError, match="there is no choice number"):
        ChoiceItem(question="q", choices=("a", "b"), right=right)


def test_an_open_item_keeps_each_answer_once_in_order() -> None:
    item = OpenItem(question="q", answers=("b", "a", "b"))
    assert item.ask(Kind.OPEN, dataset="d", split=Split.TEST).answers == ("b", "a")
