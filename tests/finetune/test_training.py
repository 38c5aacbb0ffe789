"""Real trainings of a tiny model on Ray Train and DeepSpeed: workers, ZeRO stages, kills, and numbers that are none."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors.torch import load_file

from raycal.store import Store

pytestmark = pytest.mark.engine

STEPS = 16
Curve = list[dict[str, Any]]


def start(root: Path, name: str, *settings: str) -> psutil.Popen:
    script = Path(__file__).with_name("tiny_training.py")
    command = [sys.executable, str(script), str(root), name, *settings]
    return psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def finish(process: psutil.Popen) -> str:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return str(said)


def curve(root: Path, name: str) -> Curve:
    return list(Store(root / "store").rows("SELECT * FROM training WHERE adapter = ? ORDER BY step", [name]))


def column(rows: Curve, name: str) -> list[float]:
    return [row[name] for row in rows if row[name] is not None]


def wait_for_steps(root: Path, name: str, steps: int) -> None:
    deadline = time.monotonic() + 200
    while len(curve(root, name)) <= steps:
        assert time.monotonic() < deadline, f"step {steps} did not come"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def undisturbed(root: Path) -> Curve:
    said = finish(start(root, "undisturbed"))
    rows = curve(root, "undisturbed")
    assert [row["step"] for row in rows] == list(range(STEPS + 1)), said
    return rows


def test_it_learns_and_starts_as_the_base_model(undisturbed: Curve) -> None:
    assert undisturbed[1]["divergence"] == pytest.approx(0, abs=1e-4)
    assert column(undisturbed, "calibration_loss")[-1] < column(undisturbed, "calibration_loss")[0]
    assert column(undisturbed, "learning_rate")[0] == pytest.approx(1e-3)
    assert all(row["applied"] for row in undisturbed[1:])


def test_checkpoints_hold_no_base_model(root: Path, undisturbed: Curve) -> None:
    (last, *_) = sorted((root / "store" / "finetune" / "undisturbed").glob("checkpoint_*/"), reverse=True)
    base = sum(path.stat().st_size for path in (root / "model").glob("*.safetensors"))
    assert sum(path.stat().st_size for path in last.rglob("*") if path.is_file()) < base / 10
    assert all("lora_" in name for name in load_file(last / "adapter" / "adapter_model.safetensors"))


@pytest.mark.parametrize("settings", [("zero_stage=2", "workers=2"), ("zero_stage=3", "workers=2"), ("zero_stage=0",)])
def test_workers_and_zero_stages_give_the_same_curve(root: Path, settings: tuple[str, ...]) -> None:
    name = "-".join(settings).replace("=", "")
    for one in ("plain", name):
        if not curve(root, one):
            finish(start(root, one, "dropout=0", *(settings if one == name else ())))
    plain, other = curve(root, "plain"), curve(root, name)
    for what in ("loss", "calibration_loss"):
        assert column(other, what) == pytest.approx(column(plain, what), abs=2e-3)


@pytest.mark.parametrize("victim", ["worker", "driver"])
def test_a_killed_training_ends_where_the_undisturbed_one_does(root: Path, undisturbed: Curve, victim: str) -> None:
    name = f"killed-{victim}"
    process = start(root, name)
    wait_for_steps(root, name, 3)
    if victim == "driver":
        process.kill()
        process.communicate()
        before = len(curve(root, name))
        assert before <= STEPS
        finish(start(root, name))
    else:
        workers = [child for child in process.children(recursive=True) if "RayTrainWorker" in " ".join(child.cmdline())]
        assert workers
        workers[0].kill()
        finish(process)
    rows = curve(root, name)
    assert [row["step"] for row in rows] == list(range(STEPS + 1))
    for what in ("loss", "divergence", "learning_rate", "calibration_loss"):
        assert column(rows, what) == pytest.approx(column(undisturbed, what), abs=1e-4)


@pytest.mark.parametrize("zero_stage", ["0", "2"])
def test_a_step_without_finite_loss_is_skipped_and_counted(root: Path, zero_stage: str) -> None:
    name = f"one-bad-{zero_stage}"
    finish(start(root, name, "poisoned=1", f"zero_stage={zero_stage}"))
    rows = curve(root, name)
    assert [row["applied"] for row in rows[1:]].count(False) == 4  # once an epoch
    assert all(map(_is_finite, column(rows, "calibration_loss")))
    assert all(_is_finite(row["loss"]) for row in rows[1:] if row["applied"])


def test_a_training_without_any_finite_loss_stops_and_says_so(root: Path) -> None:
    said = finish(start(root, "all-bad", "poisoned=64", "retries=0"))
    assert "steps in a row had no finite loss" in said
    assert "lower learning_rate" in said


def _is_finite(value: float) -> bool:
    return abs(value) < float("inf")
