"""Values of metrics, and rows to compute them on."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycal.metrics import evaluate
from raycal.metrics.curves import ReliabilityBin

Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]


def value(name: str, p: Any, correct: Any, **options: Any) -> float:
    found = evaluate(p, correct, **options)[name].value
    assert found is not None
    return found


def values(p: Any, correct: Any, **options: Any) -> dict[str, float | None]:
    return {name: metric.value for name, metric in evaluate(p, correct, **options).items()}


def gap(of: ReliabilityBin) -> float:
    """Confidence - accuracy of a bin that is not empty."""
    assert of.confidence is not None
    assert of.accuracy is not None
    return of.confidence - of.accuracy


@st.composite
def rows(draw: st.DrawFn, both_classes: bool = False) -> Rows:
    """Up to 40 rows, with many ties, exact zeros and ones, and values on bin edges among them."""
    confidences = st.one_of(
        st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]), st.floats(0, 1), st.integers(0, 10).map(lambda k: k / 10)
    )
    p = draw(st.lists(confidences, min_size=2 if both_classes else 1, max_size=40))
    correct = draw(st.lists(st.booleans(), min_size=len(p), max_size=len(p)))
    if both_classes:
        correct[:2] = [True, False]
    return np.array(p), np.array(correct)
