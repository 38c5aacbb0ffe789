"""A run, a plan, a sweep and a report that use what an installed package registers, with raycal as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import simulated
from support import REPOSITORY, Raycal
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.testing import Service

METHODS = """
  - {method: likelihood}
  - {method: self_grade}
  - {method: surface, name: by surface}
  - {method: recalibrated, of: {method: surface}, by: platt}
"""
GRADERS = "grade: {graders: [{grader: last_word, case: true}, match]}\n"
SWEEP = """
sweep:
  trials: 3
  objectives: [overconfidence, auroc]
  space:
    - {method: surface, steps: [50, 400]}
    - {method: self_grade}
"""
CHECKS = """
from raycal.methods.base import METHOD
from raycal.questions.sources.base import SOURCES
from raycal.testing import check_method, check_source
check_method(METHOD.validate_python({"method": "self_grade"}))
check_method(METHOD.validate_python({"method": "surface", "steps": 20}))
check_source(SOURCES.get("sums")())

from raycal.grading.grader import AnsweredQuestion, Grader
from raycal.testing import check_grader
right = AnsweredQuestion("Who wrote Emma?", (), ("Jane Austen",), "That is Austen")
check_grader(Grader.read("last_word"), right=[right])
check_grader(Grader.read({"grader": "last_word", "case": True}), right=[right])
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the example is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(REPOSITORY / "tests" / "plugin", folder / "source")
    site = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*install, str(site), str(folder / "source")], check=True, capture_output=True, text=True)
    return {"PYTHONPATH": str(site)}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment that uses all that the example registers."""
    folder = tmp_path_factory.mktemp("experiment")
    simulated.write_model(folder / "model", Service())
    path = folder / "experiment.yaml"
    text = simulated.fitted(folder / "model")
    text = text.replace("questions: [", "questions: [{source: sums, up_to: 12}, ")
    start, end = text.index("methods:"), text.index("evaluate:")
    path.write_text(f"{text[:start]}methods:{METHODS}{text[end:]}{GRADERS}storage: {folder / 'store'}\n")
    return path


def test_the_example_passes_the_checks_that_our_own_do(plugin: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", CHECKS], env=os.environ | plugin, check=True, capture_output=True, text=True)


def test_without_the_package_the_file_is_refused_by_the_name(experiment: Path) -> None:
    done = CliRunner().invoke(app, ["run", str(experiment), "--plan"])
    assert done.exit_code == 1
    assert "methods.1: there is no method 'self_grade': There is: classifier, " in done.stderr


def test_a_package_that_cannot_be_imported_is_named(raycal: Raycal, experiment: Path, tmp_path: Path) -> None:
    metadata = tmp_path / "broken-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[raycal]\nall = nowhere_to_be_found\n")
    done = raycal("run", experiment, "--plan", check=False, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "the package broken, which extends raycal by nowhere_to_be_found, cannot be imported" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.ray
def test_a_run_a_plan_a_report_and_a_sweep_use_it(raycal: Raycal, experiment: Path, plugin: dict[str, str]) -> None:
    plan = raycal("run", experiment, "--plan", env=plugin)
    assert "self_grade" in plan.stdout, plan.stderr
    done = raycal("run", experiment, env=plugin)
    assert done.returncode == 0, done.stderr
    results = raycal("results", "--store", experiment.parent / "store", "--json", env=plugin)
    rows = json.loads(results.stdout)
    assert {row["dataset"] for row in rows} == {"worldfacts (open)", "sums (open)"}
    metrics = {row["method"]: row for row in rows if row["dataset"] == "worldfacts (open)"}
    assert set(metrics) == {"likelihood", "self_grade", "by surface", "surface + platt"}
    assert metrics["self_grade"]["auroc"] > 0.7  # the simulated model is surer of right answers
    assert {row["coverage"] for row in metrics.values()} == {1.0}
    assert all(-1 <= row["overconfidence"] <= 1 for row in metrics.values())
    assert "Overconfidence %" in done.stdout
    pages = list((experiment.parent / "store").rglob("*.html"))
    assert len(pages) == 2
    assert all("self_grade" in page.read_text() for page in pages)
    assert all("Overconfidence" in page.read_text() for page in pages)
    assert all("The answers were graded by last word (case True)." in page.read_text() for page in pages)
    assert "last_word (case True) and match" in done.stdout
    again = raycal("run", experiment, env=plugin)
    assert "elicit: 0 questions to ask" in again.stdout

    path = experiment.with_name("sweep.yaml")
    text = experiment.read_text().replace("{source: sums, up_to: 12}, ", "")  # of which the model knows none
    path.write_text(text[: text.index("methods:")] + text[text.index("evaluate:") :] + SWEEP)
    swept = raycal("sweep", path, env=plugin)
    assert swept.returncode == 0, swept.stderr
    assert "surface" in swept.stdout
