"""What one run fitted, used by another: on another format, and on answers that another model gave."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Raycal, local
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.methods.fine_tuned import FineTuned
from raycal.stages.artifacts import read_settings
from raycal.stages.finetune import adapter_folder

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def fitted(fitted_run: Run) -> tuple[Path, Path]:
    """The folders of the run's adapter and classifier."""
    (method,) = (one for one in fitted_run.experiment.methods if isinstance(one, FineTuned) and one.label == "tuned")
    found = local(fitted_run.store.root / "classifiers").iterdir()
    (classifier,) = (folder for folder in found if read_settings(folder)["training_questions"] is None)
    return local(adapter_folder(fitted_run, method)), classifier


@pytest.fixture(scope="module")
def transfer_file(
    fitted_run: Run, fitted_file: Path, fitted: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Multiple choice, answered by the tuned model and judged by adapter and classifier on the model they belong to."""
    adapter, classifier = fitted
    base = f"{{path: {fitted_run.experiment.model.path}, backend: simulated}}"
    text = fitted_file.read_text().replace(f"model: {base}", f"model: {base.removesuffix('}')}, adapter: {adapter}}}")
    text = text.replace("{source: worldfacts, limit: 160}", "{source: worldfacts, kind: choice, limit: 24}")
    text = text.replace("[train, calibration, test]", "[test]")
    start, end = text.index("methods:"), text.index("evaluate:")
    methods = f"""
  - {{method: fine_tuned, name: transferred adapter, adapter: {adapter}, model: {base}}}
  - {{method: classifier, name: transferred classifier, fitted: {classifier}, layer: 2, model: {base}}}
"""
    folder = tmp_path_factory.mktemp("transfer")
    path = folder / "transfer.yaml"
    path.write_text(f"{text[:start]}methods:{methods}{text[end:]}storage: {folder / 'store'}\n")
    return path


@pytest.fixture(scope="module")
def transferred(transfer_file: Path, raycal: Raycal) -> Run:
    raycal("run", str(transfer_file))
    return Run.open(read_experiment(transfer_file, []))


def test_adapter_and_classifier_judge_another_formats_answers_of_another_model(
    fitted_run: Run, transferred: Run
) -> None:
    rows = list(transferred.store.rows("SELECT * FROM metrics"))
    assert {row["method"] for row in rows} == {"transferred adapter", "transferred classifier"}
    assert all(row["coverage"] == 1 and row["n"] > 0 and row["dataset"] == "worldfacts (choice)" for row in rows)
    (answered_by,) = {row["model"] for row in transferred.store.rows("SELECT model FROM answers")}
    (read_by,) = {row["model"] for row in transferred.store.rows("SELECT model FROM features")}
    assert answered_by != read_by == str(fitted_run.recipe.model)
    assert not (transferred.store.root / "adapters").exists()
    assert not (transferred.store.root / "classifiers").exists()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("methods[1].layer=3", "was fitted with layer: 2, and is asked for with 3: set layer to the first"),
        ("methods[1].fitted=/nowhere", "there is no classifier at /nowhere"),
        ("methods[0].wording=yes_no", 'was fitted with wording: "choices", and is asked for with "yes_no"'),
        ("methods[0].adapter=/nowhere", "the folder /nowhere holds no adapter"),
    ],
)
def test_what_was_fitted_otherwise_is_refused_before_any_engine_starts(
    transfer_file: Path, setting: str, said: str
) -> None:
    failed = CliRunner().invoke(app, ["run", str(transfer_file), "--set", setting])
    assert failed.exit_code == 1
    assert said in failed.stderr
    assert failed.stdout == ""
