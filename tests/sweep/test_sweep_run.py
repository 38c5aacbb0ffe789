"""Sweeps as the command makes them: real trials on what a run elicited, killed and taken up again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
from optuna.trial import TrialState
from support import Raycal

from raycal.experiment_file import read_sweep
from raycal.run import Run
from raycal.schemas import Table
from raycal.store import Store
from raycal.sweep.stage import Sweep

pytestmark = pytest.mark.engine

CHEAP = """
  - {method: zero_shot}
  - {method: verbalized, phrasing: [probability, words]}
  - {method: sampling, k: {low: 2, high: 4}, equivalence: [exact, token_overlap], weighting: [count, likelihood]}
  - {method: recalibrated, of: [{method: zero_shot}, {method: likelihood}], by: [temperature, platt]}
"""
TUNED = """
  - {method: classifier, layer: 15, weight_decay: {low: 0.1, high: 10, log: true}}
  - method: fine_tuned
    rank: 2
    learning_rate: [1.0e-4, 0.01]
    epochs: 2
    batch_size: 4
    evaluations: 1
"""


def sweep_file(experiment: Path, folder: Path, space: str, **settings: Any) -> Path:
    """A sweep on what an experiment elicited."""
    text = experiment.read_text()
    start, end = text.index("methods:"), text.index("evaluate:")
    rest = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in settings.items())
    path = folder / "sweep.yaml"
    path.write_text(f"{text[:start]}{text[end:]}sweep:\n{rest}  space:{space.replace(chr(10), chr(10) + '  ')}\n")
    return path


def copied(run: Run, folder: Path) -> Path:
    shutil.copytree(run.store.root, folder / "store")
    return folder / "store"


def opened(path: Path, store: Path) -> Sweep:
    return Sweep.open(read_sweep(path, [f"storage={store}"]))


def trials(sweep: Sweep) -> dict[int, dict[str, Any]]:
    shards = {Table.TRIALS: sweep.run.store.shards(Table.TRIALS, sweep.id)}
    return {row["number"]: row for row in sweep.run.store.rows("SELECT * FROM trials", shards=shards)}


def study_of(sweep: Sweep) -> optuna.Study:
    return optuna.load_study(study_name=sweep.id, storage=f"sqlite:///{sweep.folder / 'study.db'}")


def start(path: Path, store: Path, *options: str) -> psutil.Popen:
    command = [Path(sys.executable).with_name("raycal"), "sweep", path, "--set", f"storage={store}", *options]
    environment = os.environ | {"MLFLOW_ALLOW_FILE_STORE": "true"}
    return psutil.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, env=environment
    )


def kill(process: psutil.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def wait_until(what: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def killed(
    finished: Run, experiment_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Sweep, dict[int, Any]]:
    """A sweep whose driver was killed in the middle and that was taken up again; and the trials there were by then."""
    folder = tmp_path_factory.mktemp("killed-sweep")
    store = copied(finished, folder)
    path = sweep_file(
        experiment_file, folder, CHEAP, trials=10, objectives=["ece", "brier"], mlflow=f"file:{folder}/mlflow"
    )
    sweep = opened(path, store)
    process = start(path, store)
    wait_until(lambda: len(trials(sweep)) >= 3, 200)
    kill(process)
    before = trials(sweep)
    assert len(before) < 10
    process = start(path, store, "--resume")
    said, _ = process.communicate(timeout=400)
    assert process.returncode == 0, said
    return sweep, before


@pytest.mark.xdist_group("killed sweep")
def test_a_killed_sweep_goes_on_with_what_it_had(killed: tuple[Sweep, dict[int, Any]]) -> None:
    sweep, before = killed
    after = trials(sweep)
    assert {number: after[number] for number in before} == before
    ended = [row for row in after.values() if row["state"] == "finished"]
    assert len(ended) == 10
    complete = [trial for trial in study_of(sweep).trials if trial.state is TrialState.COMPLETE]
    assert {trial.number for trial in complete} == {row["number"] for row in ended}


@pytest.mark.xdist_group("killed sweep")
def test_every_finished_trial_has_its_row_of_metrics_on_calibration(killed: tuple[Sweep, dict[int, Any]]) -> None:
    sweep, _ = killed
    for row in trials(sweep).values():
        (metrics,) = sweep.run.store.rows("SELECT * FROM metrics WHERE run = ?", [row["run"]])
        assert metrics["split"] == "calibration"
        assert json.loads(row["objectives"]) == {name: metrics[name] for name in ("ece", "brier")}
        assert json.loads(row["config"])["method"] == json.loads(metrics["config"])["method"]


@pytest.mark.xdist_group("killed sweep")
def test_nothing_was_asked_anew(killed: tuple[Sweep, dict[int, Any]], finished: Run) -> None:
    sweep, _ = killed
    for table in (Table.ANSWERS, Table.SAMPLES, Table.QUERIES):
        assert len(sweep.run.store.shards(table)) == len(finished.store.shards(table))


@pytest.mark.xdist_group("killed sweep")
def test_what_was_found_is_scored_once_on_test_beside_the_defaults(killed: tuple[Sweep, dict[int, Any]]) -> None:
    sweep, _ = killed
    rows = list(sweep.run.store.rows("SELECT * FROM metrics WHERE run LIKE 'small-best-%' AND split = 'test'"))
    assert len({row["run"] for row in rows}) == 1
    assert {"zero_shot, default", "sampling, default", "verbalized, default"} <= {row["method"] for row in rows}
    (page,) = (sweep.run.store.root / "reports" / rows[0]["run"]).glob("*/index.html")
    assert "sampling, default" in page.read_text()


@pytest.mark.xdist_group("killed sweep")
def test_the_dashboard_opens_the_study(killed: tuple[Sweep, dict[int, Any]]) -> None:
    sweep, _ = killed
    import optuna_dashboard

    app = optuna_dashboard.wsgi(f"sqlite:///{sweep.folder / 'study.db'}")
    status: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies", "wsgi.input": None, "wsgi.errors": sys.stderr}
    environ |= {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
    body = b"".join(app(environ, lambda said, headers, error=None: status.append(said)))
    assert status == ["200 OK"]
    assert [study["study_name"] for study in json.loads(body)["study_summaries"]] == [sweep.id]


@pytest.mark.xdist_group("killed sweep")
def test_every_trial_is_logged_to_mlflow(killed: tuple[Sweep, dict[int, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, _ = killed
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = MlflowClient(tracking_uri=sweep.config.mlflow)
    experiment = client.get_experiment_by_name(sweep.id)
    logged = client.search_runs([experiment.experiment_id])
    finished = [one for one in logged if one.info.status == "FINISHED"]
    assert len(finished) >= 10 - 1  # one may have ended as the driver was killed
    assert {"ece", "brier"} <= finished[0].data.metrics.keys()


@pytest.mark.xdist_group("killed sweep")
def test_a_sweep_that_is_done_is_not_begun_again_unasked(
    killed: tuple[Sweep, dict[int, Any]], experiment_file: Path, raycal: Raycal, tmp_path: Path
) -> None:
    sweep, _ = killed
    path = sweep_file(experiment_file, tmp_path, CHEAP, trials=10, objectives=["ece", "brier"])
    refused = raycal("sweep", str(path), "--set", f"storage={sweep.run.store.root}", check=False)
    assert refused.returncode == 1
    assert "go on with it by --resume" in refused.stderr


def test_where_every_trial_fails_the_sweep_stops_and_says_why(
    finished: Run, experiment_file: Path, raycal: Raycal, tmp_path: Path
) -> None:
    store = copied(finished, tmp_path)
    failing = "\n  - {method: classifier, layer: 15, weight_decay: {low: 0.1, high: 10}}\n"  # there is no train split
    path = sweep_file(experiment_file, tmp_path, failing, trials=30, concurrency=1)
    done = raycal("sweep", str(path), "--set", f"storage={store}", check=False)
    assert done.returncode == 1
    assert "every trial failed, the last one with" in done.stderr
    assert "which has no answers: add it to splits" in done.stderr
    sweep = opened(path, store)
    rows = trials(sweep).values()
    assert 5 <= len(rows) < 10
    assert all(row["state"] == "failed" and "classifiers.py" in row["error"] for row in rows)
    assert {trial.state for trial in study_of(sweep).trials} <= {TrialState.FAIL, TrialState.RUNNING}


def trained(store: Path, known: Collection[str] = ()) -> dict[tuple[str, int], dict[str, Any]]:
    """The rows of TRAINING by adapter and step, those of known adapters left out."""
    rows = Store(store).rows("SELECT * FROM training")
    return {(row["adapter"], row["step"]): row for row in rows if row["adapter"] not in known}


def test_a_training_killed_in_a_sweep_goes_on_from_its_checkpoint_and_serves_every_trial_that_asks_for_it(
    tuned: Run, tuned_file: Path, tmp_path: Path
) -> None:
    store = copied(tuned, tmp_path)
    default = {"method": "fine_tuned", "learning_rate": 1e-4}
    points = [default, default, {"method": "classifier", "weight_decay": 1.0}]
    path = sweep_file(tuned_file, tmp_path, TUNED, trials=3, concurrency=3, points_to_evaluate=points)
    known = {adapter for adapter, _ in trained(store)}

    process = start(path, store)
    wait_until(lambda: any(step for _, step in trained(store, known)), 300)
    kill(process)
    before = trained(store, known)
    process = start(path, store, "--resume")
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said

    after = trained(store, known)
    assert len({adapter for adapter, _ in after}) == 1, "the two trials, and the scores on test, share one adapter"
    losses = {at: row["loss"] for at, row in before.items() if row["loss"] is not None}
    assert {at: after[at]["loss"] for at in losses} == pytest.approx(losses, abs=1e-3)
    finished = [row for row in trials(opened(path, store)).values() if row["state"] == "finished"]
    assert sorted(row["entry"] for row in finished) == ["classifier", "fine_tuned", "fine_tuned"]
    assert len({row["run"] for row in finished}) == 2


def test_a_training_that_gets_nowhere_is_stopped_and_holds_nothing(
    tuned: Run, tuned_file: Path, tmp_path: Path
) -> None:
    store = copied(tuned, tmp_path)
    points = [{"method": "fine_tuned", "learning_rate": rate} for rate in (0.01, 1e-4)]
    path = sweep_file(
        tuned_file,
        tmp_path,
        TUNED,
        trials=2,
        concurrency=1,
        scheduler="asha",
        points_to_evaluate=points,
    )
    process = start(path, store, "--set", "trainer.workers=2")
    # It is the default: for its scores on test it is trained to its end, on workers that need both CPUs.
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    sweep = opened(path, store)
    assert [row["state"] for row in sweep.trials()] == ["finished", "stopped"]
    assert [trial.state for trial in study_of(sweep).trials] == [TrialState.COMPLETE, TrialState.PRUNED]
