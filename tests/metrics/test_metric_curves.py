"""Reliability bins and risk-coverage curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from metric_values import Rows, gap, rows, value

from raycal.metrics import Convention, reliability_bins, risk_coverage


def test_ece_is_the_weighted_gap_of_the_reliability_bins(thousand: Rows) -> None:
    for convention in Convention:
        bins = [its for its in reliability_bins(*thousand, bins=15, convention=convention) if its.count]
        gaps = [(its.count, abs(gap(its))) for its in bins]
        assert sum(n * gap for n, gap in gaps) / 1000 == pytest.approx(
            value("ece", *thousand, bins=15, convention=convention)
        )
        assert max(gap for _, gap in gaps) == pytest.approx(value("mce", *thousand, bins=15, convention=convention))


def test_empty_reliability_bins_have_no_means() -> None:
    bins = reliability_bins([0.05], [1], bins=4)
    assert [(its.low, its.high, its.count) for its in bins] == [
        (0, 0.25, 1),
        (0.25, 0.5, 0),
        (0.5, 0.75, 0),
        (0.75, 1, 0),
    ]
    assert bins[1].confidence is None
    assert bins[1].accuracy is None
    assert bins[0].confidence == pytest.approx(0.05)


def test_risk_coverage_curve() -> None:
    coverage, risk = risk_coverage([0.9, 0.5, 0.5, 0.1], [1, 0, 1, 0])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 0.25, 1 / 3, 0.5])


@given(rows())
def test_the_mean_of_all_risk_coverage_points_is_aurc(given_rows: Rows) -> None:
    coverage, risk = risk_coverage(*given_rows)
    assert coverage[-1] == 1
    assert risk.mean() == pytest.approx(value("aurc", *given_rows))


def test_risk_coverage_is_thinned_evenly(thousand: Rows) -> None:
    coverage, risk = risk_coverage(*thousand, points=11)
    assert len(coverage) == len(risk) == 11
    assert np.ptp(np.diff(coverage)) <= 0.0011
    assert [len(axis) for axis in risk_coverage([], [])] == [0, 0]
