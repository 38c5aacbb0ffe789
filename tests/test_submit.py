"""`raycal submit` up to the cluster: what it would run there, what it would send there, and what it refuses."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import Raycal
from typer.testing import CliRunner

from raycal.cli import jobs
from raycal.cli.main import app
from raycal.cli.submit import JOBS, entrypoint, runtime_environment
from raycal.cli.working_folder import WorkingFolder

ADDRESS = "http://127.0.0.1:1"  # where nothing listens


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an experiment."""
    folder = tmp_path / "working"
    folder.mkdir()
    (folder / "some.yaml").write_text("name: some")
    (tmp_path / "outside.yaml").touch()
    monkeypatch.chdir(folder)
    return folder


def test_the_jobs_are_those_that_there_are() -> None:
    assert [command.callback.__name__ for command in jobs.app.registered_commands if command.callback] == list(JOBS)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_answers_help_with_its_usage(name: str) -> None:
    done = CliRunner().invoke(jobs.app, [name, "--help"])
    assert done.exit_code == 0
    assert f" {name} [OPTIONS] " in done.stdout


def test_a_folder_goes_with_its_own_raycal_or_with_the_installed_one(folder: Path) -> None:
    sent = runtime_environment(WorkingFolder.of(folder), folder / "some.zip")
    assert sent["working_dir"] == str(folder / "some.zip")
    (package,) = sent["py_modules"]
    assert Path(package, "cli", "jobs.py").samefile(jobs.__file__)
    (folder / "raycal").mkdir()
    (folder / "raycal/__init__.py").touch()
    assert "py_modules" not in runtime_environment(WorkingFolder.of(folder), folder / "some.zip")


def test_no_name_and_no_value_means_anything_to_the_clusters_shell(folder: Path) -> None:
    experiment = folder / "it's; touch made $(touch made) `touch made`.yaml"
    experiment.touch()
    (folder / "raycal/cli").mkdir(parents=True)
    (folder / "raycal/cli/jobs.py").write_text("import sys; print(*sys.argv[1:], sep='\\n')")
    arguments = ["--set", "name=$HOME & touch made", "--set", 'questions=[{source: file, path: "a b|c"}]', "> made"]
    command = entrypoint("report", experiment, arguments, folder)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True, env={"PATH": path})
    assert done.stdout.splitlines() == ["report", experiment.name, *arguments]
    assert not (folder / "made").exists()


def test_the_experiments_path_is_relative_to_the_working_folder(folder: Path) -> None:
    (folder / "deep").mkdir()
    shutil.copy(folder / "some.yaml", folder / "deep")
    for path in (folder / "deep/some.yaml", Path("deep/some.yaml"), Path("deep/../deep/some.yaml")):
        command = ["python", "-m", "raycal.cli.jobs", "report", "deep/some.yaml"]
        assert shlex.split(entrypoint("report", path, [], folder)) == command


def test_code_goes_to_the_cluster_and_no_data(tmp_path: Path) -> None:
    carried = ["raycal/cli/main.py", "raycal/report/results.py", "jobs/report.py", "jobs/demo.yaml", "data/dev.jsonl"]
    left = [
        "results/answers/some/shard.parquet",
        "results/notes.txt",
        ".git/HEAD",
        ".venv/bin/python",
        "raycal/__pycache__/cli.pyc",
        ".mypy_cache/some.json",
        "model/model.safetensors",
        "data/questions.parquet",
        "wheels/torch.whl",
    ]
    for name in carried + left:
        path = tmp_path / "working" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("some")
    package = tmp_path / "package.zip"
    WorkingFolder.of(tmp_path / "working").write(package)
    with zipfile.ZipFile(package) as sent:
        assert sent.namelist() == sorted(carried)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["reprot", "some.yaml"],
            "there is no job reprot: there are elicit, grade, finetune, sweep, evaluate, report, pipeline",
        ),
        (["report", "nope.yaml"], "there is no experiment file nope.yaml"),
        (["report", "../outside.yaml"], "../outside.yaml is outside the working folder "),
        (
            ["report", "some.yaml", "--address", "127.0.0.1:1"],
            "write the dashboard's address, such as http://HEAD:8265",
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_submitted_is_one_sentence(arguments: list[str], message: str) -> None:
    done = CliRunner(env={"RAY_API_SERVER_ADDRESS": ADDRESS}).invoke(app, ["submit", *arguments])
    assert done.exit_code == 1
    assert done.stderr.startswith("raycal: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_address_without_a_cluster_is_one_sentence(raycal: Raycal, folder: Path) -> None:
    done = raycal("submit", "report", "some.yaml", "--address", ADDRESS, check=False, cwd=folder)
    assert done.returncode == 1
    assert done.stderr == f"raycal: there is no Ray cluster with a job server at {ADDRESS}\n"
    assert done.stdout == ""


def test_a_job_says_a_mistake_in_one_sentence() -> None:
    done = CliRunner().invoke(jobs.app, ["report", "nope.yaml"])
    assert done.exit_code == 1
    assert done.stderr == "raycal: there is no experiment file nope.yaml\n"
    assert done.stdout == ""
