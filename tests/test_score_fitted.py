"""Calibration answers are scored by what was fitted without them."""

from __future__ import annotations

import numpy as np
import pytest

from raycal.methods.options import Recalibration
from raycal.methods.recalibrated import fit
from raycal.metrics.counts import Floats
from raycal.stages.answers import GradedAnswer
from raycal.stages.fitted import cross_fit


def rows_of(correct: list[bool]) -> list[GradedAnswer]:
    about = {"samples_key": "", "split": "calibration", "dataset": "", "subject": "", "kind": "open", "question": ""}
    rest = {"choices": [], "accepted": [], "answer": ""}
    return [
        GradedAnswer(answer_key=f"a{i}", question_id=f"q{i}", correct=its, **about, **rest)  # type: ignore[arg-type]
        for i, its in enumerate(correct)
    ]


def test_no_answer_has_a_say_in_its_own_confidence_and_all_have_in_others() -> None:
    rows, others = rows_of([True] * 40), ["t0", "t1"]

    def who_was_there(fitted_on: list[GradedAnswer], keys: list[str]) -> Floats:
        known = {row.answer_key for row in fitted_on}
        assert not known & set(keys) or len(known) == len(rows)
        return np.full(len(keys), len(known), dtype=np.float64)

    found = cross_fit(rows, [*(row.answer_key for row in rows), *others], who_was_there)  # type: ignore[arg-type]
    assert {found[key] for key in others} == {len(rows)}
    assert all(len(rows) / 2 < found[row.answer_key] < len(rows) for row in rows)


def test_order_of_the_answers_does_not_matter() -> None:
    rows = rows_of([i % 3 == 0 for i in range(60)])
    p = {row.answer_key: (i * 37 % 60) / 60 for i, row in enumerate(rows)}

    def predict(fitted_on: list[GradedAnswer], keys: list[str]) -> Floats:
        fitted = fit(
            Recalibration.PLATT, [p[row.answer_key] for row in fitted_on], [bool(row.correct) for row in fitted_on]
        )
        return fitted.apply([p[key] for key in keys])

    there = cross_fit(rows, list(p), predict)  # type: ignore[arg-type]
    back = cross_fit(rows[::-1], list(p)[::-1], predict)  # type: ignore[arg-type]
    assert back == pytest.approx(there, abs=1e-6)


def test_isotonic_does_not_praise_itself_on_its_own_split() -> None:
    chance = np.random.default_rng(0)
    rows = rows_of((chance.random(400) < 0.5).tolist())
    p = dict(zip((row.answer_key for row in rows), chance.random(400), strict=True))

    def predict(fitted_on: list[GradedAnswer], keys: list[str]) -> Floats:
        correct = [bool(row.correct) for row in fitted_on]
        fitted = fit(Recalibration.ISOTONIC, [p[row.answer_key] for row in fitted_on], correct)
        return fitted.apply([p[key] for key in keys])

    def brier(found: Floats) -> float:
        return float(np.mean((found - np.array([bool(row.correct) for row in rows], dtype=np.float64)) ** 2))

    # Of confidences by chance no map can make more than those of one half, whose Brier score is a quarter.
    assert brier(predict(rows, list(p))) < 0.25
    assert brier(np.array(list(cross_fit(rows, list(p), predict).values()))) > 0.25  # type: ignore[arg-type]


def test_too_few_to_leave_any_out_are_all_fitted_on() -> None:
    (row,) = rows_of([True])
    found = cross_fit([row], ["a0", "t0"], lambda rows, keys: np.full(len(keys), len(rows) / 2))
    assert found == {"a0": 0.5, "t0": 0.5}
