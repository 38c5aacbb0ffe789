"""Sweeps as the command makes them: real trials on what a run elicited, killed and taken up again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support import Raycal
from sweeping import complete, copied, opened, start, study_of, sweep_file, trials

from raycal.experiment.run import Run
from raycal.store.schemas import Table
from raycal.sweep.runner import Sweep

pytestmark = pytest.mark.ray

CHEAP = """
  - {method: zero_shot}
  - {method: verbalized}
  - {method: sampling, k: {low: 2, high: 4}, equivalence: [exact, token_overlap], weighting: [count, likelihood]}
  - {method: recalibrated, of: [{method: zero_shot}, {method: likelihood}], by: [temperature, platt]}
"""


@pytest.fixture(scope="module")
def killed(
    simulated_run: Run, simulated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Sweep, dict[int, Any]]:
    """A sweep whose driver was killed in the middle and that was taken up again; and the trials there were by then."""
    folder = tmp_path_factory.mktemp("killed-sweep")
    store = copied(simulated_run, folder)
    path = sweep_file(
        simulated_file, folder, CHEAP, trials=10, objectives=["ece", "brier"], mlflow=f"file:{folder}/mlflow"
    )
    sweep = opened(path, store)
    with start(path, store) as first:
        first.wait_until(lambda: len(trials(sweep)) >= 3)
    before = trials(sweep)
    assert len(before) < 10
    with start(path, store, "--resume") as second:
        second.finish()
    return sweep, before


def test_a_killed_sweep_goes_on_with_what_it_had(killed: tuple[Sweep, dict[int, Any]]) -> None:
    sweep, before = killed
    after = trials(sweep)
    assert {number: after[number] for number in before} == before
    ended = [row for row in after.values() if row["state"] == "finished"]
    assert len(ended) == 10
    assert complete(study_of(sweep)) == {row["number"] for row in ended}


def test_every_finished_trial_has_its_row_of_metrics_on_calibration(killed: tuple[Sweep, dict[int, Any]]) -> None:
    sweep, _ = killed
    rows = trials(sweep).values()
    assert len(rows) >= 10
    for row in rows:
        (metrics,) = sweep.run.store.rows("SELECT * FROM metrics WHERE run = ?", [row["run"]])
        assert metrics["split"] == "calibration"
        assert json.loads(row["objectives"]) == {name: metrics[name] for name in ("ece", "brier")}
        assert json.loads(row["config"])["method"] == json.loads(metrics["config"])["method"]


def test_nothing_was_asked_anew(killed: tuple[Sweep, dict[int, Any]], simulated_run: Run) -> None:
    sweep, _ = killed
    for table in (Table.ANSWERS, Table.SAMPLES, Table.QUERIES):
        assert len(sweep.run.store.shards(table)) == len(simulated_run.store.shards(table)) > 0


def test_what_was_found_is_scored_once_on_test_beside_the_defaults(killed: tuple[Sweep, dict[int, Any]]) -> None:
    sweep, _ = killed
    rows = list(sweep.run.store.rows("SELECT * FROM metrics WHERE run LIKE 'small-best-%' AND split = 'test'"))
    assert len({row["run"] for row in rows}) == 1
    assert {"zero_shot, default", "sampling, default", "verbalized, default"} <= {row["method"] for row in rows}
    (page,) = (sweep.run.store.root / "reports" / rows[0]["run"]).glob("*/index.html")
    assert "sampling, default" in page.read_text()


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


def test_every_trial_is_logged_to_mlflow(killed: tuple[Sweep, dict[int, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, _ = killed
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert sweep.config.mlflow is not None
    client = MlflowClient(tracking_uri=sweep.config.mlflow)
    experiment = client.get_experiment_by_name(sweep.id)
    assert experiment is not None
    # Of a run whose driver was killed as it began, MLflow's files are there and empty, and it cannot list them.
    runs = (Path(sweep.config.mlflow.removeprefix("file:")) / experiment.experiment_id).glob("*/meta.yaml")
    logged = [client.get_run(meta.parent.name) for meta in runs if meta.read_text()]
    finished = [one for one in logged if one.info.status == "FINISHED"]
    assert len(finished) >= 10 - 1  # one may have ended as the driver was killed
    assert {"ece", "brier"} <= finished[0].data.metrics.keys()


def test_a_sweep_that_is_done_is_not_begun_again_unasked(
    killed: tuple[Sweep, dict[int, Any]], simulated_file: Path, raycal: Raycal, tmp_path: Path
) -> None:
    sweep, _ = killed
    path = sweep_file(simulated_file, tmp_path, CHEAP, trials=10, objectives=["ece", "brier"])
    refused = raycal("sweep", str(path), "--set", f"storage={sweep.run.store.root}", check=False)
    assert refused.returncode == 1
    assert "go on with it by --resume" in refused.stderr
