"""What keeps a stage from starting is said in one sentence, and leaves no process behind."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from support import Raycal

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("engine.start_timeout_s=1", "engine.start_timeout_s = 1"),
        ("engine.max_model_len=1000000", "did not start"),
        ("engine.replicas=50", "50 engine replicas of 1 CPU each were asked for"),
    ],
)
def test_an_engine_that_cannot_come_up_says_so(
    raycal: Raycal, experiment_file: Path, tmp_path: Path, setting: str, message: str
) -> None:
    done = raycal("elicit", str(experiment_file), "--set", f"storage={tmp_path}", "--set", setting, check=False)
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("raycal: ")
    assert message in said
    assert not list(tmp_path.glob("answers/*/*.parquet"))
    assert not [process for process in psutil.process_iter() if "VLLM::" in " ".join(process_title(process))]


def process_title(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
