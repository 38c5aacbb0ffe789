"""A sweep whose store is a bucket: its driver is killed, and another one, which has no file of the first, goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3_server import SECRET, s3_server
from sweeping import complete, opened, start, study_of, sweep_file, trials

from raycal.experiment.run import Run
from raycal.store.schemas import Table

pytestmark = pytest.mark.ray

SPACE = """
  - {method: sampling, equivalence: [exact, token_overlap], weighting: [count, likelihood]}
"""
TRIALS = 4


def test_a_killed_sweep_goes_on_from_the_bucket(simulated_run: Run, simulated_file: Path, tmp_path: Path) -> None:
    path = sweep_file(simulated_file, tmp_path, SPACE, trials=TRIALS, concurrency=1)
    with s3_server() as server:
        store = server.folder()
        store.fs.put(f"{simulated_run.store.root}/", store.path, recursive=True)
        sweep = opened(path, store)
        with start(path, store) as first:
            first.wait_until(lambda: len(trials(sweep)) >= 1)
        before = trials(sweep)
        with start(path, store, "--resume") as second:
            said = second.finish()
        after = trials(sweep)
        assert {number: after[number] for number in before} == before
        ended = {number for number, row in after.items() if row["state"] == "finished"}
        assert len(ended) == TRIALS, said
        assert complete(study_of(sweep)) == ended
        assert not (sweep.folder / "tune").is_dir()
        assert len(list(store.glob("reports/small-best-*/*/index.html"))) == 1
        assert len(list(sweep.run.store.rows(f"SELECT key FROM {Table.ANSWERS}"))) == simulated_run.asked.num_rows
        assert SECRET not in said
