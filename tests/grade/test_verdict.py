"""A judge's verdict, and the agreement of two graders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from raycal.grading import parse_verdict
from raycal.grading.agreement import agreement

VERDICTS = [
    ("yes", True),
    ("Yes", True),
    ("YES.", True),
    (" yes \n", True),
    ("**Yes**", True),
    ('"Yes"', True),
    ("(yes)", True),
    ("Yes, the two mean the same.", True),
    ("Yes the two mean the same", True),
    ("Yes - they are equal", True),
    ("Correct", True),
    ("correct.", True),
    ("no", False),
    ("No.", False),
    ("No, it is London", False),
    ("No it is not", False),
    ("No, the correct answer is Paris", False),
    ("Incorrect!", False),
    ("Verdict: yes", True),
    ("The answer differs in spelling only.\nVerdict: **Yes**", True),
    ("They are different cities.\nAnswer: no", False),
    ("Let me see.\nFinal answer: incorrect.\n\n", False),
    ("Yes, I think.\nVerdict: yes", True),
    # absent
    ("", None),
    (" \n ", None),
    ("The answer is yes", None),
    ("I would say yes", None),
    ("Yesterday", None),
    ("Not correct", None),
    ("Nobody knows", None),
    ("No answer was given", None),
    ("No idea", None),
    ("Correct answer: Paris", None),
    ("Correct: Paris", None),
    ("Is it correct? Yes", None),
    ("Maybe", None),
    ("Answer: yes\nBecause they are equal.", None),
    ("Both the proposed and the accepted answer say yes", None),
    # contradictory
    ("Yes and no", None),
    ("yes/no", None),
    ("Yes or no?", None),
    ("Yes. No.", None),
    ("No, yes", None),
    ("Yes\nVerdict: no", None),
    ("Verdict: yes/no", None),
]


@pytest.mark.parametrize(("reply", "verdict"), VERDICTS)
def test_verdict(reply: str, verdict: bool | None) -> None:
    assert parse_verdict(reply) is verdict


@given(st.text())
def test_text_without_a_verdict_word_has_no_verdict(text: str) -> None:
    lowered = text.lower()
    if not any(word in lowered for word in ("yes", "no", "correct")):
        assert parse_verdict(text) is None


def test_agreement_counts_what_both_decided() -> None:
    result = agreement([True, True, False, None, None], [True, False, False, True, None])
    assert (result.rows, result.decided, result.undecided_first, result.undecided_second) == (5, 3, 2, 1)
    assert result.share == pytest.approx(2 / 3)
    assert result.kappa == pytest.approx(0.4)
    assert result.reason is None


def test_agreement_without_rows_in_common_has_no_value() -> None:
    result = agreement([True, None], [None, False])
    assert (result.share, result.kappa) == (None, None)
    assert result.reason == "no row was decided by both graders"


def test_kappa_of_constant_verdicts_is_undefined() -> None:
    result = agreement([True] * 3, [True] * 3)
    assert (result.share, result.kappa) == (1.0, None)
    assert result.reason is not None
    assert agreement([True] * 4, [False] * 4).kappa == 0


def test_agreement_of_different_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        agreement([True, True], [True])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[bool, bool]]) -> None:
    first, second = map(list, zip(*pairs, strict=True))
    result = agreement(first, second)
    assert result.share == sum(a == b for a, b in pairs) / len(pairs)
    if result.kappa is None:
        assert len({*first, *second}) == 1
    else:
        assert result.kappa == pytest.approx(cohen_kappa_score(first, second))
    assert result == agreement(*map(list, zip(*reversed(pairs), strict=True)))
    assert agreement(second, first).kappa == result.kappa
