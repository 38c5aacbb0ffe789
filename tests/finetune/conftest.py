"""One run with all that is fitted, made once and shared by all tests that read or use what it fitted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import Raycal

from raycal.experiment_file import read_experiment
from raycal.run import Run

METHODS = """
  - {method: zero_shot}
  - {method: sampling, equivalence: token_overlap}
  - {method: classifier, layer: 15}
  - {method: fine_tuned, name: tuned, rank: 2, learning_rate: 0.01, epochs: 1, batch_size: 8, evaluations: 1}
  - {method: recalibrated, of: {method: zero_shot}, by: platt}
  - {method: combined, of: [{method: zero_shot}, {method: classifier, layer: 15}]}
"""


@pytest.fixture(scope="session")
def tuned_file(experiment_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small experiment, with the training split and the methods that need it."""
    text = experiment_file.read_text().replace("[calibration, test]", "[train, calibration, test]")
    start, end = text.index("methods:"), text.index("evaluate:")
    path = tmp_path_factory.mktemp("tuned") / "tuned.yaml"
    path.write_text(text[:start] + "methods:" + METHODS + text[end:])
    return path


@pytest.fixture(scope="session")
def tuned(tuned_file: Path, finished: Run, raycal: Raycal, tmp_path_factory: pytest.TempPathFactory) -> Run:
    store = tmp_path_factory.mktemp("tuned-store") / "store"
    shutil.copytree(finished.store.root, store)
    raycal("run", str(tuned_file), "--set", f"storage={store.name}", cwd=store.parent)  # relative, as the default is
    return Run.open(read_experiment(tuned_file, [f"storage={store}"]))
