"""Real trainings of a tiny model on Ray Train and DeepSpeed: workers, ZeRO stages, kills, and numbers that are none."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import tiny_training
from background import Background
from clusters import lose_node, three_nodes
from s3_server import s3_server
from safetensors.torch import load_file
from support import command_of
from tiny_training import tiny_model

from raycal.store.locations import Location
from raycal.store.store import Store

pytestmark = pytest.mark.ray

STEPS = 8  # two epochs of four, evaluated every other step
BAD_STEPS = "dropout=0,poisoned=1"  # one an epoch: one worker has the example that spoils it, and all must skip it
Curve = list[dict[str, Any]]
_SLOW = 2.0  # so that there is time to disturb a training


def start(root: Path, *jobs: str, look_s: float = 0.25) -> Background:
    """Train in the background; `look_s` after an evaluation, at most, the next one may end."""
    command = [sys.executable, tiny_training.__file__, str(root), *jobs]
    return Background(command, {"RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": str(look_s)})


def curve(root: Location, name: str) -> Curve:
    return list(Store(root / "store").rows("SELECT * FROM training WHERE adapter = ? ORDER BY step", [name]))


def column(rows: Curve, name: str) -> list[float]:
    return [row[name] for row in rows if row[name] is not None]


def wait_for_steps(training: Background, root: Location, name: str, steps: int) -> None:
    training.wait_until(lambda: len(curve(root, name)) > steps)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def said(root: Path) -> str:
    """All trainings that nobody disturbs, in two processes that each have one core busy; what they printed."""
    jobs = (
        ("undisturbed", f"plain,{BAD_STEPS},zero_stage=0", "all-bad,poisoned=64,retries=0"),
        (f"zero2,{BAD_STEPS},zero_stage=2,workers=2", f"zero3,{BAD_STEPS},zero_stage=3,workers=2"),
    )
    tiny_model(root / "model")  # before both want to write it
    with start(root, *jobs[0]) as one, start(root, *jobs[1]) as other:
        return one.finish() + other.finish()


def test_it_learns_and_starts_as_the_base_model(root: Path, said: str) -> None:
    rows = curve(root, "undisturbed")
    assert [row["step"] for row in rows] == list(range(STEPS + 1)), said
    assert rows[1]["divergence"] == pytest.approx(0, abs=1e-4)
    assert column(rows, "calibration_loss")[-1] < column(rows, "calibration_loss")[0]
    assert column(rows, "learning_rate")[0] == pytest.approx(1e-3)
    assert all(row["applied"] for row in rows[1:])


@pytest.mark.usefixtures("said")
def test_ray_train_is_told_what_the_store_is(root: Path) -> None:
    (snapshot,) = (root / "store" / "finetune" / "undisturbed").glob("*/checkpoint_manager_snapshot.json")
    kept = json.loads(snapshot.read_text())
    told, last = kept["latest_checkpoint_result"]["metrics"], curve(root, "undisturbed")[-1]
    assert {"step", "loss", "learning_rate", "calibration_loss", "calibration_ece", "calibration_auroc"} <= told.keys()
    assert {name: told[name] for name in told if name in last} == {name: last[name] for name in told if name in last}


@pytest.mark.usefixtures("said")
def test_checkpoints_hold_no_base_model(root: Path) -> None:
    (last, *_) = sorted((root / "store" / "finetune" / "undisturbed").glob("*/checkpoint_*/"), reverse=True)
    base = sum(path.stat().st_size for path in (root / "model").glob("*.safetensors"))
    assert sum(path.stat().st_size for path in last.rglob("*") if path.is_file()) < base / 10
    assert all("lora_" in name for name in load_file(last / "adapter" / "adapter_model.safetensors"))


@pytest.mark.parametrize("name", ["zero2", "zero3"])
def test_one_worker_or_two_and_any_zero_stage_give_the_same_curve(root: Path, said: str, name: str) -> None:
    one, two = curve(root, "plain"), curve(root, name)
    assert [row["step"] for row in two] == list(range(STEPS + 1)), said
    assert_same_curve(one, two)


def assert_same_curve(one: Curve, two: Curve) -> None:
    for what in ("loss", "divergence", "calibration_loss"):
        assert column(two, what) == pytest.approx(column(one, what), abs=1e-3, nan_ok=True)


@pytest.mark.cluster
def test_a_training_that_loses_a_worker_and_then_a_node_goes_on(root: Path, said: str) -> None:
    job = f"lossy,{BAD_STEPS},workers=2"
    with three_nodes(head_cpus=1) as cluster, start(root, job, look_s=_SLOW) as training:
        wait_for_steps(training, root, "lossy", 2)
        family = psutil.Process().children(recursive=True)
        next(child for child in family if "RayTrainWorker" in command_of(child)).kill()
        wait_for_steps(training, root, "lossy", 5)
        lose_node(cluster, "RayTrainWorker", training)
        told = training.finish()
    assert "lossy interrupted by ['worker " in told
    one, two = curve(root, "plain"), curve(root, "lossy")
    assert [row["step"] for row in two] == list(range(STEPS + 1)), said
    assert_same_curve(one, two)


def test_a_training_whose_driver_is_killed_ends_where_the_undisturbed_one_does(root: Path, said: str) -> None:
    # In a folder the driver is killed while it sweeps, see test_sweep_trouble.py.
    with s3_server() as server:
        bucket = server.folder()
        job = f"killed,storage={bucket}"
        with start(root, job, look_s=_SLOW) as first:
            wait_for_steps(first, bucket, "killed", 3)
        assert len(curve(bucket, "killed")) < STEPS + 1
        with start(root, job) as second:
            second.finish()
        rows, undisturbed = curve(bucket, "killed"), curve(root, "undisturbed")
    assert [row["step"] for row in rows] == list(range(STEPS + 1)), said
    for what in ("loss", "divergence", "learning_rate", "calibration_loss"):
        assert column(rows, what) == pytest.approx(column(undisturbed, what), abs=1e-4)


@pytest.mark.parametrize("name", ["plain", "zero2", "zero3"])
def test_a_step_without_finite_loss_is_skipped_and_counted(root: Path, said: str, name: str) -> None:
    rows = curve(root, name)
    assert [row["applied"] for row in rows[1:]].count(False) == 2, said  # once an epoch
    assert all(map(math.isfinite, column(rows, "calibration_loss")))
    assert all(math.isfinite(row["loss"]) for row in rows[1:] if row["applied"])


def test_a_training_without_any_finite_loss_stops_and_says_so(said: str) -> None:
    (told,) = (line for line in said.splitlines() if line.startswith("all-bad"))
    assert "steps in a row had no finite loss" in told
    assert "lower learning_rate" in told
