"""raycal results --sweep: the trials of a sweep, as a table, JSON and CSV, and what is said where there is none."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from raycal.cli.main import app
from raycal.store.schemas import Table
from raycal.store.store import Store

ERROR = "Traceback (most recent call last):\n  File x\nValueError: [bold]too <large>[/bold]\n\n"
COLUMNS = ["sweep", "number", "entry", "method", "state", "dataset", "ece", "auroc", "brier", "seconds", "error"]


def results(root: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "250"}).invoke(app, ["results", "--store", str(root), *arguments])


def rows_of(root: Path, *arguments: str) -> list[dict[str, object]]:
    done = results(root, *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sweeps of one experiment, and one of another whose name starts with the first one's."""
    root = tmp_path_factory.mktemp("store")
    written = Store(root)
    trials = [
        ("quiz-0000000b", 1, "finished", "run-1", None),
        ("quiz-0000000b", 0, "failed", None, ERROR),
        ("quiz-0000000b", 2, "stopped", None, None),
        ("quiz-0000000a", 0, "finished", "run-0", None),
        ("quiz-hard-0000000c", 0, "finished", "run-0", None),
    ]
    for sweep, number, state, run, error in trials:
        row = {"key": f"{sweep}{number}", "sweep": sweep, "number": number, "state": state, "run": run, "error": error}
        row |= {"entry": "sampling", "method": f"sampling (k {number})", "config": "{}", "seconds": 1.5}
        written.write(Table.TRIALS, sweep, [row])
    for run, dataset, ece in (("run-0", "a", 0.1), ("run-1", "b", 0.3), ("run-1", "a", 0.2), ("other", "a", 0.9)):
        row = {"key": f"{run}{dataset}", "run": run, "method": "m", "dataset": dataset, "split": "calibration"}
        written.write(Table.METRICS, run, [row | {"ece": ece, "auroc": 0.7, "brier": 0.2}])
    return root


def test_a_sweep_has_a_row_a_trial_and_dataset(store: Path) -> None:
    rows = rows_of(store, "--sweep", "quiz-0000000b")
    assert [list(row) for row in rows] == [COLUMNS] * 4
    assert [(row["number"], row["state"], row["dataset"], row["ece"]) for row in rows] == [
        (0, "failed", None, None),
        (1, "finished", "a", 0.2),
        (1, "finished", "b", 0.3),
        (2, "stopped", None, None),
    ]
    assert [row["error"] for row in rows] == ["ValueError: [bold]too <large>[/bold]", None, None, None]
    assert {row["entry"] for row in rows} == {"sampling"}
    assert rows[0]["seconds"] == 1.5


def test_the_experiments_name_means_all_of_its_sweeps(store: Path) -> None:
    found = [(row["sweep"], row["number"]) for row in rows_of(store, "--sweep", "quiz")]
    assert found == [("quiz-0000000a", 0), *(("quiz-0000000b", number) for number in (0, 1, 1, 2))]
    assert [row["sweep"] for row in rows_of(store, "--sweep", "quiz-hard")] == ["quiz-hard-0000000c"]


def test_trials_come_as_csv_and_as_a_table(store: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(results(store, "--sweep", "quiz", "--csv").stdout)))
    assert [list(row) for row in rows] == [COLUMNS] * 5
    assert rows[1]["error"] == "ValueError: [bold]too <large>[/bold]"
    shown = results(store, "--sweep", "quiz").stdout
    for text in (
        *COLUMNS[1:],
        "quiz-0000000a",
        "quiz-0000000b",
        "sampling (k 2)",
        "stopped",
        "0.200",
        "ValueError: [bold]too <large>[/bold]",
    ):
        assert text in shown
    assert " error" not in results(store, "--sweep", "quiz-hard").stdout  # nothing is in it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sweep", "quiz", "--sql", "select 1"], "--sql and --sweep: choose one of them"),
        (["--sweep", "quiz", "--json", "--csv"], "--json and --csv: choose one of them"),
        (
            ["--sweep", "qui"],
            "there is no sweep qui in {root}: there are quiz-0000000a, quiz-0000000b, quiz-hard-0000000c",
        ),
        (["--sweep", ""], "there is no sweep  in {root}: there are quiz-"),
        (["--sweep", "quiz-%"], "there is no sweep quiz-% in {root}: there are quiz-"),
    ],
)
def test_mistakes_are_one_sentence(store: Path, arguments: list[str], said: str) -> None:
    done = results(store, *arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"raycal: {said.replace('{root}', str(store))}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_store_without_sweeps_says_so(tmp_path: Path) -> None:
    assert f"there is no sweep quiz in {tmp_path}, nor any other" in results(tmp_path, "--sweep", "quiz").stderr
    assert "there is no results store at" in results(tmp_path / "nowhere", "--sweep", "quiz").stderr
