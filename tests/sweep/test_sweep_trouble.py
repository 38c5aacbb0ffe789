"""Sweeps whose trials fail, are killed in the middle of a training, or are stopped: each test makes its own."""

from __future__ import annotations

import signal
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from support import Raycal
from sweeping import copied, opened, start, study_of, sweep_file, trials

from raycal.experiment.run import Run
from raycal.store.store import Store

pytestmark = pytest.mark.ray

_SLOW = 4.0  # so that there is time to kill a training between two evaluations

TUNED = """
  - {method: classifier, layer: 2, weight_decay: {low: 0.1, high: 10, log: true}}
  - method: fine_tuned
    rank: 2
    learning_rate: [1.0e-4, 0.01]
    epochs: 2
    batch_size: 4
    evaluations: 1
"""


def test_where_every_trial_fails_the_sweep_stops_and_says_why(
    simulated_run: Run, simulated_file: Path, raycal: Raycal, tmp_path: Path
) -> None:
    store = copied(simulated_run, tmp_path)
    failing = "\n  - {method: classifier, layer: 2, weight_decay: {low: 0.1, high: 10}}\n"  # there is no train split
    path = sweep_file(simulated_file, tmp_path, failing, trials=30, concurrency=1)
    done = raycal("sweep", str(path), "--set", f"storage={store}", check=False)
    assert done.returncode == 1
    assert "every trial failed, the last one with" in done.stderr
    assert "which has no graded answers" in done.stderr
    sweep = opened(path, store)
    rows = trials(sweep).values()
    assert 5 <= len(rows) < 10
    assert all(row["state"] == "failed" and "fitted.py" in row["error"] for row in rows)
    assert {trial.state for trial in study_of(sweep).trials} <= {TrialState.FAIL, TrialState.RUNNING}


def test_ctrl_c_ends_a_sweep_and_nothing_is_scored_on_test(
    simulated_run: Run, simulated_file: Path, tmp_path: Path
) -> None:
    store = copied(simulated_run, tmp_path)
    path = sweep_file(simulated_file, tmp_path, "\n  - {method: sampling, k: {low: 2, high: 4}}\n", trials=1000)
    sweep = opened(path, store)
    with start(path, store) as sweeping:
        sweeping.wait_until(lambda: trials(sweep))
        sweeping.process.send_signal(signal.SIGINT)
        assert sweeping.end() == 130, sweeping.said
        assert "stopped; what was finished is in the store" in sweeping.said
    assert not list(sweep.run.store.rows("SELECT * FROM metrics WHERE run LIKE 'small-best-%'"))


def trained(store: Path, known: Collection[str] = ()) -> dict[tuple[str, int], dict[str, Any]]:
    """The rows of TRAINING by adapter and step, those of known adapters left out."""
    rows = Store(store).rows("SELECT * FROM training")
    return {(row["adapter"], row["step"]): row for row in rows if row["adapter"] not in known}


def test_a_training_killed_in_a_sweep_goes_on_from_its_checkpoint_and_serves_every_trial_that_asks_for_it(
    fitted_run: Run, fitted_file: Path, tmp_path: Path
) -> None:
    store = copied(fitted_run, tmp_path)
    default = {"method": "fine_tuned", "learning_rate": 1e-4}
    points = [default, default, {"method": "classifier", "weight_decay": 1.0}]
    path = sweep_file(fitted_file, tmp_path, TUNED, trials=3, concurrency=3, points_to_evaluate=points)
    known = {adapter for adapter, _ in trained(store)}

    with start(path, store, look_s=_SLOW) as first:
        first.wait_until(lambda: any(step for _, step in trained(store, known)))
    before = trained(store, known)
    with start(path, store, "--resume") as second:
        second.finish()

    after = trained(store, known)
    assert before.keys() < after.keys(), "it was killed before its end"
    assert len({adapter for adapter, _ in after}) == 1, "the two trials, and the scores on test, share one adapter"
    losses = {at: row["loss"] for at, row in before.items() if row["loss"] is not None}
    assert {at: after[at]["loss"] for at in losses} == pytest.approx(losses, abs=1e-3)
    finished = [row for row in trials(opened(path, store)).values() if row["state"] == "finished"]
    assert sorted(row["entry"] for row in finished) == ["classifier", "fine_tuned", "fine_tuned"]
    assert len({row["run"] for row in finished}) == 2


def test_a_training_that_gets_nowhere_is_stopped_and_holds_nothing(
    fitted_run: Run, fitted_file: Path, tmp_path: Path
) -> None:
    store = copied(fitted_run, tmp_path)
    points = [{"method": "fine_tuned", "learning_rate": rate} for rate in (0.01, 1e-4)]
    path = sweep_file(
        fitted_file,
        tmp_path,
        TUNED,
        trials=2,
        concurrency=1,
        scheduler="asha",
        points_to_evaluate=points,
    )
    with start(path, store, "--set", "trainer.workers=2") as sweeping:
        # It is the default: for its scores on test it is trained to its end, on workers that need both CPUs.
        sweeping.finish()
    sweep = opened(path, store)
    assert [row["state"] for row in sweep.trials()] == ["finished", "stopped"]
    assert [trial.state for trial in study_of(sweep).trials] == [TrialState.COMPLETE, TrialState.PRUNED]
