"""A run, a plan, a sweep and a report that use what an installed package registers, with raycal as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import REPOSITORY, Raycal
from typer.testing import CliRunner

from raycal.cli.main import app

EXPERIMENT = """
name: small
model: {{path: {model}, backend: adder}}
questions: [{{source: sums, up_to: 24}}, {{source: worldfacts, limit: 60}}]
splits: [train, calibration, test]
elicit: {{max_tokens: 8, samples: {{k: 2}}}}
engine: {{batch_size: 16, batches_in_flight: 3}}
grade: {{graders: [{{grader: last_word, case: true}}, match]}}
methods:
  - {{method: likelihood}}
  - {{method: self_grade}}
  - {{method: surface, name: by surface}}
  - {{method: recalibrated, of: {{method: surface}}, by: platt}}
evaluate: {{replicates: 200}}
storage: {store}
"""
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

import asyncio
import sys
from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.inference.backends import text_backend
from raycal.models.find import find_model
from raycal.models.prompts import answer_prompt
from raycal.testing import check_backend
config = ModelConfig(path=sys.argv[1], backend="adder")
adder = text_backend(config)(find_model(config), EngineConfig(), Device.CPU, PromptStyle.AUTO)
for question in ("What is 3 + 4?", "What is 19 + 20?", "Who wrote Emma?"):
    asyncio.run(check_backend(adder, answer_prompt(question, (), ()), next_token=False))
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the example is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(REPOSITORY / "tests" / "plugin", folder / "source")
    site = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*install, str(site), str(folder / "source")], check=True, capture_output=True, text=True)
    return {"PYTHONPATH": os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])}


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment that uses all that the example registers."""
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")  # an adder has no weights
    path = folder / "experiment.yaml"
    path.write_text(EXPERIMENT.format(model=folder / "model", store=folder / "store"))
    return path


def test_the_example_passes_the_checks_that_our_own_do(plugin: dict[str, str], experiment: Path) -> None:
    command = [sys.executable, "-c", CHECKS, str(experiment.parent / "model")]
    subprocess.run(command, env=os.environ | plugin, check=True, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((), "methods.1: there is no method 'self_grade': There is: classifier, "),
        (("methods=[{method: likelihood}]",), "questions.0: there is no source 'sums': "),
        (("methods=[{method: likelihood}]",), "grade.graders.0: there is no grader 'last_word': "),
        (
            ("methods=[{method: likelihood}]", "questions=[{source: worldfacts}]", "grade.graders=[match]"),
            "there is no backend 'adder': There is: openai, ",
        ),
    ],
)
def test_without_the_package_the_file_is_refused_by_the_name(
    experiment: Path, settings: Sequence[str], message: str
) -> None:
    options = [option for setting in settings for option in ("--set", setting)]
    done = CliRunner().invoke(app, ["run", str(experiment), "--plan", *options])
    assert done.exit_code == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("method", "lacking"),
    [("zero_shot", "log-probabilities of the next token"), ("classifier", "hidden states")],
)
def test_what_its_backend_cannot_do_is_refused_by_the_method(
    raycal: Raycal, experiment: Path, plugin: dict[str, str], method: str, lacking: str
) -> None:
    setting = f"methods=[{{method: {method}}}]"
    done = raycal("run", experiment, "--plan", "--set", setting, check=False, env=plugin)
    assert done.returncode == 1
    assert f"{method} needs {lacking}, which the backend adder does not have" in done.stderr


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
    metrics = {row["method"]: row for row in rows if row["dataset"] == "sums (open)"}
    assert set(metrics) == {"likelihood", "self_grade", "by surface", "surface + platt"}
    assert metrics["self_grade"]["auroc"] > 0.7  # the adder is surer of smaller sums
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
    text = experiment.read_text().replace(", {source: worldfacts, limit: 60}", "")  # of which the adder knows none
    path.write_text(text[: text.index("methods:")] + text[text.index("evaluate:") :] + SWEEP)
    swept = raycal("sweep", path, env=plugin)
    assert swept.returncode == 0, swept.stderr
    assert "surface" in swept.stdout
