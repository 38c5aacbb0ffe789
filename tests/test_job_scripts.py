"""The scripts under jobs/, up to what they do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from background import PATIENCE_S
from support import REPOSITORY

SCRIPTS = sorted(REPOSITORY.glob("jobs/*.py"))


def test_there_are_scripts() -> None:
    assert {"pipeline.py", "bench_finetune.py"} <= {script.name for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_answers_help_with_its_usage(script: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, script, "--help"],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert f"usage: {script.name} " in done.stdout.lower()
    assert not list(tmp_path.iterdir())
