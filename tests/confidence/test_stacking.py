"""Stacks against scikit-learn's pipeline, simulated methods, and what must hold of any answers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycal.methods.combined import Stack, StackingError, fit_stack
from raycal.methods.recalibrated import EPSILON

Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]

few = settings(max_examples=20)  # each example fits logistic regressions


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Up to 15 answers of both classes with up to 3 methods, zeros, ones and missing values among them."""
    confidences = st.one_of(st.sampled_from([0.0, 0.5, 1.0, np.nan]), st.floats(0, 1))
    n, m = draw(st.integers(2, 15)), draw(st.integers(1, 3))
    p = np.array(draw(st.lists(st.lists(confidences, min_size=m, max_size=m), min_size=n, max_size=n)))
    p[0] = draw(st.lists(st.floats(0, 1), min_size=m, max_size=m))  # every method has a value
    correct = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    correct[:2] = [True, False]
    return p, correct


def logits(p: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


@pytest.fixture(scope="module")
def simulated() -> Rows:
    """Two methods that each see the truth through their own noise, and a third that sees none of it."""
    rng = np.random.default_rng(0)
    correct = rng.random(4000) < 0.6
    z = np.where(correct, 1.0, -1.0)[:, None] * [1, 0.6, 0] + rng.normal(0, 1, (4000, 3))
    return 1 / (1 + np.exp(-z)), correct


@few
@given(rows())
def test_stacked_confidences_are_probabilities(of: Rows) -> None:
    p, correct = of
    stacked = fit_stack(p, correct).apply(p)
    assert stacked.shape == correct.shape
    assert ((stacked >= 0) & (stacked <= 1)).all()


@few
@given(rows())
def test_stack_is_sklearns_pipeline_and_keeps_the_mean(of: Rows) -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    p, correct = of
    theirs = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(tol=1e-8)).fit(logits(p), correct)
    stacked = fit_stack(p, correct).apply(p)
    np.testing.assert_allclose(stacked, theirs.predict_proba(logits(p))[:, 1], atol=1e-6)
    assert stacked.mean() == pytest.approx(correct.mean(), abs=1e-5)  # the penalty leaves the intercept alone


@few
@given(rows())
def test_columns_are_methods_wherever_they_stand(of: Rows) -> None:
    p, correct = of
    there, back = fit_stack(p, correct), fit_stack(p[:, ::-1], correct)
    np.testing.assert_allclose(there.apply(p), back.apply(p[:, ::-1]), atol=1e-4)
    np.testing.assert_array_equal(there.means, back.means[::-1])


def test_weights_follow_what_the_methods_know(simulated: Rows) -> None:
    # Given the truth, z is normal with mean +-a and variance 1: its log-likelihood ratio is 2 a z.
    stack = fit_stack(*simulated)
    assert stack.weights == pytest.approx([2, 1.2, 0], abs=0.15)
    assert stack.intercept == pytest.approx(np.log(0.6 / 0.4), abs=0.15)


def test_stack_beats_each_of_its_methods(simulated: Rows) -> None:
    from sklearn.metrics import log_loss, roc_auc_score

    p, correct = simulated
    half = len(p) // 2
    stacked = fit_stack(p[:half], correct[:half]).apply(p[half:])
    for of in p[half:].T:
        assert roc_auc_score(correct[half:], stacked) > roc_auc_score(correct[half:], of) + 0.02
        assert log_loss(correct[half:], stacked) < log_loss(correct[half:], of) - 0.02


def test_missing_values_count_as_their_methods_mean_logit() -> None:
    p = np.array([[0.2, 0.3], [0.9, np.nan], [0.6, 0.8], [0.4, 0.6]])
    stack = fit_stack(p, [False, True, True, False])
    mean = 1 / (1 + np.exp(-logits(np.array([0.3, 0.8, 0.6])).mean()))
    assert stack.means[1] == pytest.approx(logits(np.array(mean)))
    np.testing.assert_allclose(stack.apply([[0.7, np.nan]]), stack.apply([[0.7, mean]]))
    everything_missing = 1 / (1 + np.exp(-(stack.intercept + np.dot(stack.weights, stack.means))))
    assert stack.apply([[np.nan, np.nan]]) == pytest.approx([everything_missing])


def test_stack_by_hand() -> None:
    stack = Stack(weights=(1.0, -0.5), intercept=np.log(2), means=(0.0, 0.0))
    assert stack.apply([[0.5, 0.5], [0.75, 0.8]]) == pytest.approx([2 / 3, 3 / 4])  # the odds 2, and 2 * 3 / 4 ** 0.5


def test_fitting_is_repeatable_and_a_stack_survives_a_dict(simulated: Rows) -> None:
    stack = fit_stack(*simulated)
    assert stack == fit_stack(*simulated) == Stack(**asdict(stack))


@pytest.mark.parametrize(("correct", "share"), [([1, 1, 1], "3 of 3"), ([0, 0, 0], "0 of 3")])
def test_one_class_is_an_error(correct: list[int], share: str) -> None:
    with pytest.raises(StackingError, match=f"{share} are correct: enlarge the split"):
        fit_stack([[0.1], [0.5], [0.9]], correct)


def test_no_answers_are_an_error() -> None:
    with pytest.raises(StackingError, match="0 of 0 are correct"):
        fit_stack(np.empty((0, 2)), [])


def test_method_without_confidences_is_named() -> None:
    with pytest.raises(StackingError, match=r"method 1 .* has no confidence in any row"):
        fit_stack([[0.1, np.nan], [0.5, np.nan]], [False, True])


@pytest.mark.parametrize("p", [[0.1, 0.5], np.empty((2, 0)), [[[0.5]], [[0.5]]]])
def test_other_shapes_are_refused(p: Any) -> None:
    with pytest.raises(ValueError, match="a row an answer and a column a method"):
        fit_stack(p, [False, True])


def test_values_out_of_range_are_named() -> None:
    stack = fit_stack([[0.1, 0.3], [0.5, 0.4]], [False, True])
    for use in (stack.apply, lambda p: fit_stack(p, [False, True])):
        with pytest.raises(ValueError, match=r"row 1 of method 0 is 1\.5"):
            use([[0.1, 0.3], [1.5, 0.2]])
    with pytest.raises(ValueError, match="of equal length"):
        fit_stack([[0.1], [0.5]], [True])
    with pytest.raises(ValueError, match="fitted on 2 methods and cannot take 1"):
        stack.apply([[0.1]])
