"""Agreement of the samples with the answer."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import score

from raycal.methods.evidence import Equivalence, Evidence, SampledAnswer
from raycal.methods.sampling import Sampling, Weighting

COUNT, LIKELIHOOD = Sampling(), Sampling(weighting=Weighting.LIKELIHOOD)
TEXT_AND_LOGPROB = st.tuples(st.sampled_from(["Paris", "paris.", "Rome", "Lyon", ""]), st.floats(-900, 0))


def elicited(*samples: tuple[str, float | None], **more: Any) -> Evidence:
    drawn = tuple(SampledAnswer(index, *sample) for index, sample in enumerate(samples))
    return Evidence(question_id="q", question="?", answer="Paris", samples=drawn, **more)


def value(config: Sampling, row: Evidence) -> float | None:
    return score(config, [row])[0].value


def test_count_is_the_share_of_equivalent_samples() -> None:
    row = elicited(("Paris", -1), ("PARIS.", -2), ("the Paris", -3), ("Rome", -1))
    assert value(COUNT, row) == 0.75
    assert value(COUNT, elicited(*[("Paris", -1)] * 9, ("Rome", -1))) == 0.9


def test_likelihood_is_the_normalised_sum_of_probabilities() -> None:
    row = elicited(("Paris", math.log(0.5)), ("Rome", math.log(0.2)), ("paris", math.log(0.1)))
    assert value(LIKELIHOOD, row) == pytest.approx(0.6 / 0.8)


def test_likelihood_does_not_underflow() -> None:
    row = elicited(("Paris", -5000.0), ("Rome", -5000.0 + math.log(3)))
    assert value(LIKELIHOOD, row) == pytest.approx(0.25)


def test_only_the_first_k_samples_count() -> None:
    row = elicited(("Paris", -1), ("Rome", -1), ("Rome", -1), ("Rome", -1))
    assert [value(Sampling(k=k), row) for k in (1, 2, 4)] == [1, 0.5, 0.25]
    assert score(Sampling(k=5), [row])[0].reason == "only 4 of 5 samples"


def test_failed_sample_is_missing_and_not_replaced_by_a_later_one() -> None:
    samples = tuple(SampledAnswer(index, "Paris", -1.0) for index in (0, 2, 3))
    row = Evidence(question_id="q", question="?", answer="Paris", samples=samples)
    assert score(Sampling(k=3), [row])[0].reason == "only 2 of 3 samples"


@pytest.mark.parametrize("broken", [None, math.nan, 0.5])
def test_samples_without_a_log_probability_hinder_likelihood_alone(broken: float | None) -> None:
    row = elicited(("Paris", -1), ("Rome", broken))
    assert value(COUNT, row) == 0.5
    assert score(LIKELIHOOD, [row])[0].reason == "1 of 2 samples lack a log-probability"


def test_impossible_samples_have_no_likelihood() -> None:
    assert score(LIKELIHOOD, [elicited(("Paris", -math.inf))])[0].reason == "every sample has probability 0"


def test_judged_equivalence_needs_every_verdict() -> None:
    config = Sampling(equivalence=Equivalence.JUDGE)
    samples = [("Paris", -1.0), ("City of Light", -1.0), ("Rome", -1.0), ("rome", -1.0)]
    light, rome = frozenset({"paris", "city of light"}), frozenset({"paris", "rome"})
    assert value(config, elicited(*samples, verdicts={light: True, rome: False})) == 0.5
    assert value(config, elicited(*samples, verdicts={light: True, rome: None})) is None
    assert value(config, elicited(*samples, verdicts={light: True})) is None


def test_rows_are_scored_one_by_one() -> None:
    rows = [elicited(("Paris", -1)), elicited(), elicited(("Rome", -1))]
    confidences = score(COUNT, rows)
    assert [confidence.value for confidence in confidences] == [1, None, 0]
    assert confidences[1].reason == "no samples"
    assert score(COUNT, rows[::-1]) == confidences[::-1]


@given(st.lists(TEXT_AND_LOGPROB, min_size=1, max_size=8), st.sampled_from(Weighting), st.data())
def test_order_of_the_samples_does_not_count(
    samples: list[tuple[str, float]], weighting: Weighting, data: st.DataObject
) -> None:
    config = Sampling(weighting=weighting)
    found = value(config, elicited(*samples))
    assert found is not None
    assert 0 <= found <= 1
    assert found == value(config, elicited(*data.draw(st.permutations(samples))))


@given(st.lists(TEXT_AND_LOGPROB, min_size=1, max_size=8), st.floats(-900, 0), st.sampled_from(Weighting))
def test_one_more_equivalent_sample_never_lowers_the_confidence(
    samples: list[tuple[str, float]], logprob: float, weighting: Weighting
) -> None:
    config = Sampling(weighting=weighting)
    before, after = value(config, elicited(*samples)), value(config, elicited(*samples, ("Paris", logprob)))
    against = value(config, elicited(*samples, ("Rome", logprob)))
    assert before is not None
    assert after is not None
    assert against is not None
    assert against - 1e-12 <= before <= after + 1e-12


@given(st.lists(TEXT_AND_LOGPROB, min_size=1, max_size=8), st.floats(0.05, 1), st.floats(0.05, 1))
def test_stricter_thresholds_never_raise_the_confidence(
    samples: list[tuple[str, float]], one: float, other: float
) -> None:
    loose, strict = (
        value(Sampling(equivalence=Equivalence.TOKEN_OVERLAP, threshold=t), elicited(*samples))
        for t in sorted((one, other))
    )
    assert loose is not None
    assert strict is not None
    assert strict <= loose


@given(st.lists(st.sampled_from(["Paris", "Rome"]), min_size=1, max_size=8), st.floats(-20, 0))
def test_equally_likely_samples_are_counted(texts: list[str], logprob: float) -> None:
    row = elicited(*((text, logprob) for text in texts))
    assert value(LIKELIHOOD, row) == pytest.approx(value(COUNT, row))
