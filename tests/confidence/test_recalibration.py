"""Recalibration against exact cases, scikit-learn's own maps, and what must hold of any answers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from pydantic import TypeAdapter, ValidationError

from raycal.methods.recalibrated import (
    EPSILON,
    Isotonic,
    Platt,
    Recalibration,
    RecalibrationError,
    Recalibrator,
    Temperature,
    fit,
)

Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]

few = settings(max_examples=20)  # each example fits logistic regressions

ROUNDING = 1e-12
kinds = st.sampled_from(Recalibration)
confidences = st.one_of(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.floats(0, 1))
probes = st.lists(confidences, min_size=1, max_size=30).map(lambda p: np.array(sorted(p)))


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Up to 30 answers, with ties and exact zeros and ones; both classes, or one."""
    p = draw(st.lists(confidences, min_size=1, max_size=30))
    return np.array(p), np.array(draw(st.lists(st.booleans(), min_size=len(p), max_size=len(p))))


def simulated(n: int, temperature: float = 1.0) -> Rows:
    """Answers that are calibrated once their logits are divided by the temperature."""
    rng = np.random.default_rng(0)
    z = rng.normal(0.5, 1.5, n)
    return sigmoid(z * temperature), rng.random(n) < sigmoid(z)


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-z)))


def nll(p: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return float(-np.log(np.where(correct, clipped, 1 - clipped)).mean())


def fit_temperature(p: ArrayLike, correct: ArrayLike) -> Temperature:
    found = fit(Recalibration.TEMPERATURE, p, correct)
    assert isinstance(found, Temperature)
    return found


def fit_platt(p: ArrayLike, correct: ArrayLike) -> Platt:
    found = fit(Recalibration.PLATT, p, correct)
    assert isinstance(found, Platt)
    return found


# ------------------------------------------------------------------------------------------------------------ all kinds


@few
@given(rows(), probes, kinds)
def test_recalibrated_confidences_are_probabilities_in_order(of: Rows, probe: Any, kind: Recalibration) -> None:
    found = fit(kind, *of)
    p = found.apply(probe)
    assert p.shape == probe.shape
    assert ((p >= 0) & (p <= 1)).all()
    direction = np.sign(found.slope) if isinstance(found, Platt) else 1
    assert (direction * np.diff(p) >= -ROUNDING).all()


@few
@given(rows(), kinds, st.randoms())
def test_order_of_the_answers_does_not_matter(of: Rows, kind: Recalibration, random: Any) -> None:
    p, correct = of
    order = random.sample(range(len(p)), len(p))
    there, back = fit(kind, p, correct), fit(kind, p[order], correct[order])
    np.testing.assert_allclose(there.apply(p), back.apply(p), atol=1e-4)


@pytest.mark.parametrize("kind", Recalibration)
def test_calibrated_answers_are_left_as_they_are(kind: Recalibration) -> None:
    p, correct = simulated(20_000)
    probe = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(fit(kind, p, correct).apply(probe), probe, atol=0.08)


@pytest.mark.parametrize("kind", Recalibration)
def test_maps_survive_json(kind: Recalibration) -> None:
    found = fit(kind, *simulated(200))
    written = TypeAdapter(Recalibrator).dump_json(found)
    assert TypeAdapter(Recalibrator).validate_json(written) == found


@pytest.mark.parametrize("kind", Recalibration)
def test_no_answers_are_an_error_that_says_what_to_do(kind: Recalibration) -> None:
    with pytest.raises(RecalibrationError, match=f"a {kind} recalibration .* there are none: enlarge"):
        fit(kind, [], [])


@pytest.mark.parametrize("kind", Recalibration)
def test_confidences_out_of_range_are_refused(kind: Recalibration) -> None:
    found = fit(kind, [0.2, 0.7], [False, True])
    for wrong in (np.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match=f"row 1 is {wrong}"):
            fit(kind, [0.5, wrong], [True, False])
        with pytest.raises(ValueError, match=f"row 1 is {wrong}"):
            found.apply([0.5, wrong])


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"slope": float("inf"), "intercept": 0.0},
        {"x": (), "y": ()},
        {"x": (0.1, 0.2), "y": (0.5,)},
        {"x": (0.2, 0.1), "y": (0.5, 0.6)},
        {"x": (0.1, 0.2), "y": (0.6, 0.5)},
        {"x": (0.1, 0.2), "y": (0.6, 1.1)},
    ],
)
def test_parameters_that_are_no_map_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Recalibrator).validate_python(wrong)


def test_importing_it_is_light() -> None:
    code = "import raycal.methods.recalibrated, sys; print({'scipy', 'sklearn', 'torch', 'ray'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"


# ---------------------------------------------------------------------------------------------------------- temperature


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_known_temperature_is_recovered(temperature: float) -> None:
    assert fit_temperature(*simulated(20_000, temperature)).temperature == pytest.approx(temperature, rel=0.03)


@given(rows())
def test_temperature_never_raises_the_likelihood_loss_on_its_own_answers(of: Rows) -> None:
    p, correct = of
    assert nll(fit_temperature(p, correct).apply(p), correct) <= nll(p, correct) + 1e-9


def test_no_other_temperature_suits_the_answers_better() -> None:
    p, correct = simulated(500, 3.0)
    found = fit_temperature(p, correct)
    others = np.geomspace(0.05, 500, 2000)
    assert nll(found.apply(p), correct) <= min(nll(Temperature(t).apply(p), correct) for t in others) + 1e-12


@given(probes)
def test_temperature_of_one_changes_nothing_but_certainty(p: Any) -> None:
    np.testing.assert_allclose(Temperature(1.0).apply(p), np.clip(p, EPSILON, 1 - EPSILON), rtol=1e-9)


@given(rows(), probes)
def test_temperature_keeps_the_side_of_one_half(of: Rows, probe: Any) -> None:
    p = fit_temperature(*of).apply(probe)
    assert ((p - 0.5) * (probe - 0.5) >= 0).all()


def test_temperature_by_hand() -> None:
    p = Temperature(2.0).apply([0.0, 0.2, 0.5, 0.8, 1.0])  # the odds' square root: 1 / 4 becomes 1 / 2
    assert p == pytest.approx([1 / (1 + np.sqrt((1 - EPSILON) / EPSILON)), 1 / 3, 0.5, 2 / 3, 0.999000999], rel=1e-6)


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_answers_without_an_error_sharpen_no_more_than_their_number_allows(n: int) -> None:
    sharpened = fit_temperature([0.55] * n, [True] * n).apply([0.55])
    assert sharpened == pytest.approx([(n + 1) / (n + 2)], rel=1e-5)
    assert fit_temperature([0.9999] * n, [True] * n) == Temperature(1.0)


def test_answers_that_are_all_wrong_lose_their_confidence() -> None:
    assert fit_temperature([0.9, 1.0, 0.7], [False] * 3).apply([0.9, 1.0]) == pytest.approx([0.5, 0.5], abs=0.01)


def test_temperature_that_cannot_matter_is_one() -> None:
    assert fit_temperature([0.5] * 4, [True, False, True, True]) == Temperature(1.0)


# ---------------------------------------------------------------------------------------------------------------- Platt


def test_platt_is_sklearns_sigmoid_calibration_of_the_logits() -> None:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LogisticRegression

    p, correct = simulated(60, 2.0)
    z = np.log(p / (1 - p))[:, None]
    passes_logits_on = LogisticRegression().fit(z, correct)
    passes_logits_on.coef_[:], passes_logits_on.intercept_[:] = 1, 0
    theirs = CalibratedClassifierCV(FrozenEstimator(passes_logits_on), method="sigmoid").fit(z, correct)
    probe = np.linspace(-4, 4, 9)
    ours = fit_platt(p, correct).apply(sigmoid(probe))
    np.testing.assert_allclose(ours, theirs.predict_proba(probe[:, None])[:, 1], atol=1e-5)


def test_platt_turns_a_reversed_ranking_over() -> None:
    p, correct = simulated(5000)
    found = fit_platt(1 - p, correct)
    assert found.slope == pytest.approx(-1, abs=0.1)
    np.testing.assert_allclose(found.apply(1 - p), p, atol=0.03)


@pytest.mark.parametrize("n", [1, 3, 100])
@pytest.mark.parametrize("right", [True, False])
def test_platt_gives_one_class_the_rule_of_succession(n: int, right: bool) -> None:
    p = np.linspace(0.1, 0.9, n)
    share = (n + 1) / (n + 2)
    np.testing.assert_allclose(fit_platt(p, [right] * n).apply(p), share if right else 1 - share, atol=1e-5)


def test_platt_of_separated_answers_is_not_certain() -> None:
    p = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    recalibrated = fit_platt(p, p > 0.5).apply(p)
    assert (np.diff(recalibrated) > 0).all()
    assert recalibrated[0] > 0.05
    assert recalibrated[-1] < 0.95


@few
@given(rows())
def test_platt_keeps_the_smoothed_mean(of: Rows) -> None:
    """A logistic regression with an intercept has residuals that add up to zero."""
    p, correct = of
    right, wrong = correct.sum(), (~correct).sum()
    target = np.where(correct, (right + 1) / (right + 2), 1 / (wrong + 2))
    assert fit_platt(p, correct).apply(p).mean() == pytest.approx(target.mean(), abs=1e-4)


# ------------------------------------------------------------------------------------------------------------- isotonic


@given(rows(), probes)
def test_isotonic_is_sklearns(of: Rows, probe: Any) -> None:
    from sklearn.isotonic import IsotonicRegression

    p, correct = of
    theirs = IsotonicRegression(out_of_bounds="clip").fit(p, correct.astype(float))
    np.testing.assert_allclose(fit(Recalibration.ISOTONIC, p, correct).apply(probe), theirs.predict(probe), atol=1e-9)


def test_isotonic_pools_what_is_out_of_order() -> None:
    found = fit(Recalibration.ISOTONIC, [0.1, 0.2, 0.3, 0.3, 0.8], [0, 1, 0, 1, 1])
    assert found == Isotonic((0.1, 0.2, 0.3, 0.8), (0.0, 2 / 3, 2 / 3, 1.0))
    assert found.apply([0.0, 0.15, 0.25, 0.55, 1.0]) == pytest.approx([0, 1 / 3, 2 / 3, 5 / 6, 1])


def test_isotonic_stays_a_probability_in_spite_of_rounding() -> None:
    just_below = np.nextafter(0.9, 0)
    assert np.interp(just_below, [0.2, 0.9], [1 / 6, 1]) > 1  # so numpy's line alone would leave [0, 1]
    assert Isotonic((0.2, 0.9), (1 / 6, 1.0)).apply([just_below]) == [1]


def test_temperature_of_underconfident_answers_is_the_most_likely_one() -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(scale=3, size=500)
    correct = rng.random(500) < 1 / (1 + np.exp(-z / 0.3))
    p = 1 / (1 + np.exp(-z))

    def nll(temperature: float) -> float:
        return float(np.logaddexp(0, np.where(correct, -z, z) / temperature).mean())

    found = fit(Recalibration.TEMPERATURE, p, correct)
    assert isinstance(found, Temperature)
    assert nll(found.temperature) == pytest.approx(min(nll(t) for t in np.geomspace(0.05, 5, 2000)), abs=1e-6)
