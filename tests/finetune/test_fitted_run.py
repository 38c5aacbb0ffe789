"""A run with all that is fitted, taken up again, cut into sizes, and asked by the way: its training is a real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Raycal

from raycal.experiment.ablation import open_ablation
from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.methods.fine_tuned import FineTuned
from raycal.stages.finetune import adapter_folder
from raycal.store.locations import Location
from raycal.store.schemas import Table

pytestmark = pytest.mark.ray


def test_a_second_run_trains_and_asks_nothing(fitted_run: Run, fitted_file: Path, raycal: Raycal) -> None:
    def shards() -> set[Location]:
        tables = (Table.ANSWERS, Table.QUERIES, Table.FEATURES, Table.TRAINING, Table.SCORES)
        return {path for table in tables for path in fitted_run.store.shards(table)}

    before = shards()
    raycal("run", str(fitted_file), "--set", f"storage={fitted_run.store.root}")
    assert shards() == before


def test_an_ablation_has_a_row_a_size_and_its_plot_and_asks_nothing_anew(
    fitted_run: Run, fitted_file: Path, raycal: Raycal
) -> None:
    before = fitted_run.store.shards(Table.ANSWERS), fitted_run.store.shards(Table.FEATURES)
    overrides = [f"storage={fitted_run.store.root}", "methods=[{method: zero_shot}, {method: classifier, layer: 2}]"]
    settings = [part for its in overrides for part in ("--set", its)]
    raycal("ablate", str(fitted_file), "--sizes", "5,4", *settings)
    run = open_ablation(read_experiment(fitted_file, overrides), [5, 4])
    rows = {row["method"] for row in run.store.rows("SELECT * FROM metrics WHERE run = ?", [run.id])}
    assert rows == {"zero_shot", "classifier (layer 2), 4 questions", "classifier (layer 2), 5 questions"}
    (page,) = (run.store.root / "reports" / run.id).glob("*/index.html")
    assert (page.parent / "training_size.png").is_file()
    assert "after 5;" in page.read_text()
    assert (fitted_run.store.shards(Table.ANSWERS), fitted_run.store.shards(Table.FEATURES)) == before


def test_ask_prints_the_answer_and_every_methods_confidence_an_adapters_too(fitted_run: Run, raycal: Raycal) -> None:
    methods = "methods=[{method: zero_shot}, {method: verbalized}, {method: sampling, equivalence: judge}]"
    options = ["--set", "elicit.samples.k=3", "--set", "elicit.max_tokens=12", "--set", methods, "--json"]
    options += ["--set", "model.backend=simulated", "--set", f"model.path={fitted_run.experiment.model.path}"]
    (method,) = (one for one in fitted_run.experiment.methods if isinstance(one, FineTuned))
    folder = adapter_folder(fitted_run, method)
    reply = json.loads(raycal("ask", "What is the capital of France?", *options, "--adapter", str(folder)).stdout)
    assert reply["answer"]
    assert [one["method"] for one in reply["confidences"]] == ["zero_shot", "verbalized", "sampling", "fine_tuned"]
    assert all((one["value"] is None) == bool(one["reason"]) for one in reply["confidences"])
    assert 0 <= reply["confidences"][-1]["value"] <= 1


def test_ask_refuses_a_folder_without_an_adapter(raycal: Raycal, tmp_path: Path) -> None:
    failed = raycal("ask", "What?", "--adapter", str(tmp_path), check=False)
    assert failed.returncode == 1
    assert "holds no adapter" in failed.stderr
