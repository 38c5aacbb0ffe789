from __future__ import annotations

import numpy as np
import pytest
from metric_values import Rows


@pytest.fixture(scope="module")
def thousand() -> Rows:
    rng = np.random.default_rng(0)
    p = rng.random(1000)
    return p, rng.random(1000) < p
