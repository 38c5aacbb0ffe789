"""The scripts under jobs/, up to what they do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from background import PATIENCE_S
from support import REPOSITORY

SCRIPTS = sorted(path.name for path in REPOSITORY.glob("jobs/*.py"))
HELP_OF_EACH = """
import io
import json
import runpy
import sys
from contextlib import redirect_stdout
from pathlib import Path

folder, *scripts = sys.argv[1:]
sys.path.insert(0, folder)
helps = {}
for script in scripts:
    sys.argv = [script, "--help"]
    with redirect_stdout(io.StringIO()) as printed:
        try:
            runpy.run_path(str(Path(folder, script)), run_name="__main__")
            status = None
        except SystemExit as exit:
            status = exit.code
    helps[script] = (status, printed.getvalue())
print(json.dumps(helps))
"""


@pytest.fixture(scope="module")
def helps() -> dict[str, tuple[int | None, str]]:
    """What each script does when asked for help: its exit status, and what it prints. They import the same packages."""
    done = subprocess.run(
        [sys.executable, "-c", HELP_OF_EACH, str(REPOSITORY / "jobs"), *SCRIPTS],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return {script: (status, text) for script, (status, text) in json.loads(done.stdout).items()}


def test_there_are_scripts() -> None:
    assert {"bench_finetune.py", "bench_sampling.py"} <= set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_answers_help_with_its_usage(script: str, helps: dict[str, tuple[int | None, str]]) -> None:
    status, text = helps[script]
    assert status == 0
    assert f"usage: {script} [" in text.lower()


def test_a_script_says_what_is_wrong_with_its_arguments(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "jobs" / "bench_metrics.py", "many"],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "unrecognized arguments: many" in done.stderr
