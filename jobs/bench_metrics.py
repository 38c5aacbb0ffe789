"""Measure the metrics' speed: all of them on 10 million rows, and 1,000 bootstrap replicates on 100,000 rows."""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from numpy.typing import NDArray

from raycal.metrics import evaluate
from raycal.metrics.bootstrap import Bootstrap

POINT_ROWS = 10_000_000
BOOTSTRAP_ROWS = 100_000
REPLICATES = 1000


def rows(n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """n rows of an overconfident method, nearly all of different confidence: the slowest case."""
    rng = np.random.default_rng(0)
    p = rng.beta(4, 1, n)
    return p, rng.random(n) < p**1.2


def main() -> None:
    """Print both figures, as wall-clock and CPU seconds, and the process's peak memory so far."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for label, n, run in (
        (f"all metrics, {REPLICATES:,} replicates, {BOOTSTRAP_ROWS:,} rows", BOOTSTRAP_ROWS, _bootstrap),
        (f"all metrics, {POINT_ROWS:,} rows", POINT_ROWS, evaluate),
    ):
        p, correct = rows(n)
        wall, cpu = time.perf_counter(), time.process_time()
        run(p, correct)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{label}: {wall:.1f} s ({cpu:.1f} s of CPU), peak {peak:.2f} GiB")


def _bootstrap(p: NDArray[np.float64], correct: NDArray[np.bool_]) -> None:
    Bootstrap(REPLICATES).intervals(p, correct)


if __name__ == "__main__":
    main()
