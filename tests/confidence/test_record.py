"""What the methods read and write."""

from __future__ import annotations

import math

import pytest

from raycal.methods.evidence import Confidence, Evidence, SampledAnswer, is_logprob, probability


def test_confidence_has_a_value_or_a_reason() -> None:
    assert Confidence(0.5).value == 0.5
    assert Confidence(reason="no samples").reason == "no samples"
    for wrong in ({}, {"value": 0.5, "reason": "x"}, {"reason": " "}):
        with pytest.raises(ValueError, match="confidence"):
            Confidence(**wrong)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_confidence_lies_between_0_and_1(value: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Confidence(value)


def test_rounding_errors_are_removed_and_nothing_else() -> None:
    assert probability(0.1 + 0.2, "p") == Confidence(0.3)
    assert probability(1 + 1e-9, "p") == Confidence(1.0)
    assert probability(-1e-9, "p") == Confidence(0.0)
    for value in (1.01, -0.01, math.nan):
        assert probability(value, "p").reason == f"p is {value}, not between 0 and 1"


def test_samples_are_sorted_and_unique() -> None:
    samples = [SampledAnswer(i, "x", -1.0) for i in range(3)]
    assert len(Evidence(question_id="q", question="?", answer="x", samples=tuple(samples)).samples) == 3
    for wrong in ([samples[1], samples[0]], [samples[0], samples[0]]):
        with pytest.raises(ValueError, match="samples of question q"):
            Evidence(question_id="q", question="?", answer="x", samples=tuple(wrong))


def test_first_samples_are_those_of_a_smaller_run() -> None:
    row = Evidence(
        question_id="q", question="?", answer="x", samples=tuple(SampledAnswer(i, "x", -1.0) for i in (0, 1, 3, 4))
    )
    assert [sample.index for sample in row.first(4)] == [0, 1, 3]
    assert len(row.first(None)) == 4


def test_log_probabilities_are_numbers_up_to_0() -> None:
    assert all(map(is_logprob, (0.0, -3.0, 1e-9, -math.inf)))
    assert not any(map(is_logprob, (None, 0.1, math.nan)))
