"""What keeps a stage from starting is said in one sentence."""

from __future__ import annotations

from pathlib import Path

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
    assert "Traceback" not in done.stdout + done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("raycal: ")
    assert message in said
    assert not list(tmp_path.glob("answers/*/*.parquet"))
