"""Calibration answers are scored by what was fitted without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from raycal.methods.base import Fit, FittedMethod, Needs
from raycal.methods.evidence import Evidence
from raycal.methods.recalibrated import Recalibrated, Recalibration
from raycal.methods.zero_shot import ZeroShot
from raycal.metrics.counts import Floats
from raycal.questions.question import Split
from raycal.stages.fitted import cross_fit


@dataclass(frozen=True)
class WhoWasThere:
    ids: frozenset[str]

    def predict(self, rows: Sequence[Evidence]) -> Floats:
        assert not self.ids & {row.question_id for row in rows}
        return np.full(len(rows), len(self.ids) / 100)


class Counted(FittedMethod):
    """Says on how many answers it was fitted, in hundreds, and that none of them is among those it speaks of."""

    method: Literal["counted"] = "counted"

    def needs(self) -> Needs:
        return Needs(fit=Fit(Split.CALIBRATION))

    def fit(self, rows: Sequence[Evidence], targets: NDArray[Any], *, seed: int) -> WhoWasThere:
        assert len(rows) == len(targets)
        return WhoWasThere(frozenset(row.question_id for row in rows))


def rows_of(count: int, p: Floats | None = None, name: str = "q") -> list[Evidence]:
    values = np.zeros(count) if p is None else p
    return [
        Evidence(question_id=f"{name}{i}", question="?", answer="x", bases=(float(value),))
        for i, value in enumerate(values)
    ]


def test_no_answer_has_a_say_in_its_own_confidence_and_all_have_in_others() -> None:
    rows, others = rows_of(40), rows_of(2, name="t")
    p = cross_fit(Counted(), rows, np.ones(40, bool), seed=0).predict([*others, *rows])
    assert p[:2].tolist() == [0.4, 0.4]
    assert (p[2:] > 0.2).all()
    assert (p[2:] < 0.4).all()


def test_order_of_the_answers_does_not_matter() -> None:
    correct = np.arange(60) % 3 == 0
    rows = rows_of(60, np.arange(60) * 37 % 60 / 60)
    method = Recalibrated(of=ZeroShot(), by=Recalibration.PLATT)
    there = cross_fit(method, rows, correct, seed=0).predict(rows)
    back = cross_fit(method, rows[::-1], correct[::-1], seed=0).predict(rows[::-1])
    assert back[::-1] == pytest.approx(there, abs=1e-6)


def test_isotonic_does_not_praise_itself_on_its_own_split() -> None:
    chance = np.random.default_rng(0)
    correct, rows = chance.random(400) < 0.5, rows_of(400, chance.random(400))
    method = Recalibrated(of=ZeroShot(), by=Recalibration.ISOTONIC)

    def brier(p: Floats) -> float:
        return float(np.mean((p - correct) ** 2))

    # Of confidences by chance no map can make more than those of one half, whose Brier score is a quarter.
    assert brier(method.fit(rows, correct, seed=0).predict(rows)) < 0.25
    assert brier(cross_fit(method, rows, correct, seed=0).predict(rows)) > 0.25


def test_too_few_to_leave_any_out_are_all_fitted_on() -> None:
    rows = rows_of(1, np.array([0.7]))
    method = Recalibrated(of=ZeroShot(), by=Recalibration.PLATT)
    p = cross_fit(method, rows, np.array([True]), seed=0).predict([*rows, *rows_of(1, np.array([0.7]), name="t")])
    assert p.tolist() == [pytest.approx(2 / 3)] * 2
