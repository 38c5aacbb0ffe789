"""What holds for every set of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from metric_values import Rows, rows, value, values

from raycal.metrics import Convention, evaluate


@given(rows(), st.sampled_from(Convention), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(given_rows: Rows, convention: Convention, random: Any) -> None:
    p, correct = given_rows
    order = list(range(len(p)))
    random.shuffle(order)
    assert evaluate(p, correct, convention=convention) == evaluate(p[order], correct[order], convention=convention)


@given(rows(), st.sampled_from(Convention))
def test_values_stay_in_their_ranges(given_rows: Rows, convention: Convention) -> None:
    p, correct = given_rows
    found = values(*given_rows, convention=convention)
    undefined = set() if 0 < correct.sum() < len(correct) else {"auroc", "prr"}
    if not correct.any():
        undefined |= {"auprc"}
    if convention is Convention.KAPOOR:
        folded = np.maximum(p, 1 - p)
        assume(not ((folded < 1) & (folded > 1 - 1e-14)).any())  # on the edge of a bin but for rounding
        if (folded == 1).all():  # which its last bin leaves out
            undefined |= {"ece", "mce"}
    known = {name: metric for name, metric in found.items() if metric is not None}
    assert found.keys() - known.keys() == undefined
    for name in {"accuracy", "ece", "smece", "mce", "brier", "auroc", "auprc", "aurc"} - undefined:
        assert -1e-12 <= known[name] <= 1 + 1e-12, name
    assert "prr" in undefined or known["prr"] <= 1 + 1e-9
    assert known["nll"] >= 0


@given(rows())
def test_the_gap_of_means_bounds_calibration_errors_from_below(given_rows: Rows) -> None:
    p, correct = given_rows
    found = values(p, correct)
    gap = abs(p.mean() - correct.mean())
    assert found["ece"] is not None
    assert found["smece"] is not None
    assert found["mce"] is not None
    assert gap - 1e-9 <= found["ece"] <= found["mce"] + 1e-12
    assert gap - 1e-6 <= found["smece"]


@given(rows())
def test_brier_is_at_least_the_squared_ece(given_rows: Rows) -> None:
    # The reliability term of Murphy's decomposition is at least its square root's mean squared (Jensen).
    found = values(*given_rows)
    assert found["ece"] is not None
    assert found["brier"] is not None
    assert found["ece"] ** 2 <= found["brier"] + 1e-12


@given(rows(both_classes=True))
def test_ranking_metrics_depend_on_the_order_alone(given_rows: Rows) -> None:
    p, correct = given_rows
    _, rank = np.unique(p, return_inverse=True)
    squeezed = 0.2 + 0.5 * rank / max(rank.max(), 1)
    before, after = values(p, correct), values(squeezed, correct)
    for name in ("auroc", "auprc", "aurc", "prr"):
        assert before[name] == pytest.approx(after[name])


@given(rows(both_classes=True))
def test_reversing_the_order_reverses_auroc(given_rows: Rows) -> None:
    p, correct = given_rows
    _, rank = np.unique(p, return_inverse=True)
    score = rank / max(rank.max(), 1)  # 1 - p itself may merge neighbours
    assert value("auroc", 1 - score, correct) == pytest.approx(1 - value("auroc", score, correct))
    assert value("auroc", score, ~correct) == pytest.approx(1 - value("auroc", score, correct))


@given(rows())
def test_repeating_every_row_changes_no_average(given_rows: Rows) -> None:
    p, correct = given_rows
    once, twice = values(p, correct), values(np.repeat(p, 2), np.repeat(correct, 2))
    for name in ("accuracy", "ece", "smece", "mce", "brier", "nll", "auroc", "auprc"):
        assert once[name] == pytest.approx(twice[name], abs=1e-9)
