"""Real parts, small: one experiment on the packaged model, run once and shared by all tests that read its results."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import simulated
from background import PATIENCE_S
from clusters import nodes_of_engines_and_workers, several_nodes, with_token
from filelock import FileLock
from hypothesis import settings
from support import PROGRAM, Raycal, SharedFolder, copy_code
from xdist.scheduler import LoadScopeScheduling

from raycal.cluster.gc import raise_gc_threshold
from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.store.atomic import atomic_folder

# Else every process of a job compiles its working folder's copy of raycal anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Nobody takes this machine back with notice, and to watch for that is a process more for each training.
os.environ["RAY_TRAIN_ENABLE_PREEMPTION_WATCHER"] = "0"

raise_gc_threshold()  # what is imported here are the largest packages there are

settings.register_profile("raycal", deadline=None)  # a busy machine is no failure
settings.load_profile("raycal")

_NOT_UNIT = ("ray", "engine", "cluster")
_UNIT_TIMEOUT_S = 300
_NO_CLUSTER = "127.0.0.1:1"
# The first two take minutes. Of the others, each that makes a store for several files (the fitted, the finished, the
# simulated run) stands beside one that needs none: else both processes ask for it, and one waits for the other.
_FIRST = (
    "test_tuned_run",
    "test_training",
    "test_fitted_run",
    "test_faults",
    "test_run",
    "test_transfer",
    "test_sweep_in_bucket",
    "test_bucket",
)
# Files whose tests share nothing but stores that all processes have, and may go to different processes.
_APART = ("test_sweep_trouble", "test_resume")


def is_unit(item: pytest.Item) -> bool:
    """Whether a test has no mark of those that start a Ray, an engine or several nodes."""
    return not any(item.get_closest_marker(mark) for mark in _NOT_UNIT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes come first, and unit tests last: neither of two processes is then idle at the end."""
    rank = {name: place for place, name in enumerate(_FIRST)}
    items.sort(key=lambda item: (rank.get(item.path.stem, len(rank)), is_unit(item)))
    for item in filter(is_unit, items):
        item.add_marker(pytest.mark.timeout(_UNIT_TIMEOUT_S))
    gc.freeze()  # what is imported by now stays


@pytest.fixture(autouse=True)
def no_ray_in_unit_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test without a mark that has a Ray, in this process or in a command that it starts."""
    if not is_unit(request.node):
        yield
        return
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_ADDRESS", _NO_CLUSTER)  # where `connect` finds none
        yield
    if (ray := sys.modules.get("ray")) is not None and ray.is_initialized():
        ray.shutdown()
        pytest.fail("a test that uses Ray must be marked")


@pytest.fixture(scope="module")
def coarse_figures() -> Iterator[None]:
    """Figures of few dots, for tests of what else a page has: to draw them takes most of a page's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raycal.report.page._DPI", 24)
        yield


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps the tests of a file in one process, which has its fixtures, but for those that may go apart."""

    def _split_scope(self, nodeid: str) -> str:
        file, *_ = nodeid.split("::")
        return nodeid if Path(file).stem in _APART else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler:
    return Scheduler(config, log)


EXPERIMENT = """
name: small
questions: [{source: worldfacts, limit: 60}]
splits: [calibration, test]
elicit: {few_shot: 2, max_tokens: 8, samples: {k: 4, top_p: 1.0}}
engine: {dtype: float32, batch_size: 4, batches_in_flight: 3, max_num_seqs: 48, kv_cache_gib: 1}
methods:
  - {method: zero_shot}
  - {method: verbalized, phrasing: probability}
  - {method: sampling, equivalence: token_overlap}
  - {method: likelihood}
  - {method: semantic_entropy}
evaluate: {replicates: 200}
"""

FITTED_METHODS = """
  - {method: zero_shot}
  - {method: sampling, equivalence: token_overlap}
  - {method: classifier, layer: 15}
  - {method: fine_tuned, name: tuned, rank: 2, learning_rate: 0.01, epochs: 1, batch_size: 8, evaluations: 1}
  - {method: recalibrated, of: {method: zero_shot}, by: platt}
  - {method: combined, of: [{method: zero_shot}, {method: classifier, layer: 15}]}
"""


@pytest.fixture(scope="session")
def experiment_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("experiment") / "small.yaml"
    path.write_text(EXPERIMENT)
    return path


@pytest.fixture(scope="session")
def raycal() -> Raycal:
    """The command as a user runs it, in a process of its own."""

    def run(
        *arguments: str | Path, check: bool = True, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [PROGRAM, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            cwd=cwd,
            env=os.environ | {"COLUMNS": "200"} | dict(env or {}),
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> SharedFolder:
    """A folder that the first of the processes that run the tests makes, and all of them read."""
    own = tmp_path_factory.getbasetemp()
    root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def share(name: str, make: Callable[[Path], object]) -> Path:
        folder = root / f"original-{name}"
        with FileLock(root / f"{name}.lock"):
            if not folder.is_dir():
                with atomic_folder(folder) as aside:
                    make(aside)
        return folder

    return share


@pytest.fixture(scope="session")
def shared_store(shared_folder: SharedFolder, tmp_path_factory: pytest.TempPathFactory) -> SharedFolder:
    """The same for a store, of which each process has a copy."""

    def share(name: str, make: Callable[[Path], object]) -> Path:
        return Path(shutil.copytree(shared_folder(name, make), tmp_path_factory.mktemp(name) / "store"))

    return share


@pytest.fixture(scope="session")
def simulated_file(shared_folder: SharedFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small experiment on a simulated model."""
    model = shared_folder("simulated", simulated.write_model)
    path = tmp_path_factory.mktemp("experiment") / "simulated.yaml"
    path.write_text(simulated.unfitted(model))
    return path


@pytest.fixture(scope="session")
def simulated_run(simulated_file: Path, raycal: Raycal, shared_store: SharedFolder) -> Run:
    """An uninterrupted run of that experiment, all stages."""
    store = shared_store("simulated-run", lambda to: raycal("run", str(simulated_file), "--set", f"storage={to}"))
    return Run.open(read_experiment(simulated_file, [f"storage={store}"]))


@pytest.fixture(scope="session")
def fitted_file(shared_folder: SharedFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated experiment with the training split and the methods that need it."""

    def write_model(folder: Path) -> None:
        from tiny_training import tiny_model

        tiny_model(folder)
        simulated.write_model(folder)

    path = tmp_path_factory.mktemp("experiment") / "fitted.yaml"
    path.write_text(simulated.fitted(shared_folder("trainable", write_model)))
    return path


@pytest.fixture(scope="session")
def fitted_run(fitted_file: Path, raycal: Raycal, shared_store: SharedFolder) -> Run:
    """A run with all that is fitted: a real training, and simulated engines that ask the model it made."""
    store = shared_store("fitted-run", lambda to: raycal("run", str(fitted_file), "--set", f"storage={to}"))
    return Run.open(read_experiment(fitted_file, [f"storage={store}"]))


@pytest.fixture(scope="session")
def finished(experiment_file: Path, raycal: Raycal, shared_store: SharedFolder) -> Run:
    """An uninterrupted run of the experiment, all stages."""
    store = shared_store("finished", lambda to: raycal("run", str(experiment_file), "--set", f"storage={to}"))
    return Run.open(read_experiment(experiment_file, [f"storage={store}"]))


@pytest.fixture(scope="session")
def tuned_file(experiment_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small experiment, with the training split and the methods that need it."""
    text = experiment_file.read_text().replace("[calibration, test]", "[train, calibration, test]")
    start, end = text.index("methods:"), text.index("evaluate:")
    path = tmp_path_factory.mktemp("tuned") / "tuned.yaml"
    path.write_text(text[:start] + "methods:" + FITTED_METHODS + text[end:])
    return path


@pytest.fixture(scope="session")
def tuned(
    tuned_file: Path, raycal: Raycal, shared_store: SharedFolder, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """One run with all that is fitted: jobs on a cluster of three nodes, with two engines and two training workers."""

    def tune(store: Path) -> None:
        folder = tmp_path_factory.mktemp("working")
        copy_code(folder)
        shutil.copy(tuned_file, folder / "tuned.yaml")
        with with_token(), several_nodes() as (head, folders):
            for job, setting in (("elicit", "engine.replicas=2"), ("pipeline", "trainer.workers=2")):
                options = ("--address", head.address, "--set", f"storage={store}", "--set", setting)
                said = raycal("submit", job, "tuned.yaml", *options, cwd=folder).stdout
            (store / "said.txt").write_text(said)
            (store / "nodes.json").write_text(json.dumps(nodes_of_engines_and_workers(folders)))

    store = shared_store("tuned", tune)
    return Run.open(read_experiment(tuned_file, [f"storage={store}"]))
