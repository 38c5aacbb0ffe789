"""What tests of the sweep command share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import optuna
from background import Background
from optuna.trial import TrialState
from support import PROGRAM, local

from raycal.experiment.run import Run
from raycal.store.locations import Location
from raycal.store.schemas import Table
from raycal.sweep.config import read_sweep
from raycal.sweep.runner import Sweep
from raycal.sweep.study import DATABASE, StudyFile, superseded


def sweep_file(experiment: Path, folder: Path, space: str, **settings: Any) -> Path:
    """A sweep on what an experiment elicited."""
    text = experiment.read_text()
    start, end = text.index("methods:"), text.index("evaluate:")
    rest = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in settings.items())
    path = folder / "sweep.yaml"
    path.write_text(f"{text[:start]}{text[end:]}sweep:\n{rest}  space:{space.replace(chr(10), chr(10) + '  ')}\n")
    return path


def copied(run: Run, folder: Path) -> Path:
    shutil.copytree(local(run.store.root), folder / "store")
    return folder / "store"


def opened(path: Path, store: Location) -> Sweep:
    return Sweep.open(read_sweep(path, [f"storage={store}"]))


def trials(sweep: Sweep) -> dict[int, dict[str, Any]]:
    shards = {Table.TRIALS: sweep.run.store.shards(Table.TRIALS, sweep.id)}
    return {row["number"]: row for row in sweep.run.store.rows("SELECT * FROM trials", shards=shards)}


def study_of(sweep: Sweep) -> optuna.Study:
    return optuna.load_study(study_name=sweep.id, storage=f"sqlite:///{StudyFile(sweep.folder).folder / DATABASE}")


def complete(study: optuna.Study) -> set[int]:
    """The trials that it has as complete, but one whose driver was killed before its row: another was run for that."""
    numbers = {trial.number for trial in study.trials if trial.state is TrialState.COMPLETE}
    return numbers - superseded(study.trials)


def start(path: Path, store: Location, *options: str, look_s: float = 0.25) -> Background:
    """Sweep in the background; `look_s` after a training's evaluation, at most, its next one may end."""
    command = [PROGRAM, "sweep", str(path), "--set", f"storage={store}", *options]
    environment = {"MLFLOW_ALLOW_FILE_STORE": "true", "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": str(look_s)}
    return Background(command, environment)
