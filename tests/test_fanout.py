"""What keeps a stage from starting is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Raycal


def assert_refused(raycal: Raycal, experiment: Path, store: Path, setting: str, message: str) -> None:
    done = raycal("elicit", str(experiment), "--set", f"storage={store}", "--set", setting, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("raycal: ")
    assert message in said
    assert not list(store.glob("answers/*/*.parquet"))


@pytest.mark.engine
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("engine.start_timeout_s=1", "engine.start_timeout_s = 1"),
        ("engine.max_model_len=1000000", "did not start"),
    ],
)
def test_an_engine_that_cannot_come_up_says_so(
    raycal: Raycal, experiment_file: Path, tmp_path: Path, setting: str, message: str
) -> None:
    assert_refused(raycal, experiment_file, tmp_path, setting, message)


@pytest.mark.ray
def test_replicas_that_have_no_place_are_refused(raycal: Raycal, simulated_file: Path, tmp_path: Path) -> None:
    said = "50 engine replicas of 1 CPU each were asked for"
    assert_refused(raycal, simulated_file, tmp_path, "engine.replicas=50", said)


@pytest.mark.ray
def test_a_simulated_engine_without_a_simulated_model_says_so(
    raycal: Raycal, simulated_file: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    assert_refused(raycal, simulated_file, tmp_path / "store", f"model.path={model}", "holds no simulated model")
