"""A run whose storage is a bucket: it goes on with what is there, and ends as one in a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_server import SECRET, Server, s3_server
from support import Raycal, local

from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.models.adapters import find_adapter
from raycal.store.atomic import atomic_folder, copy_folder, is_complete
from raycal.store.schemas import Table

pytestmark = pytest.mark.ray

GENERATED = (Table.ANSWERS, Table.SAMPLES, Table.QUERIES)
MADE_FROM_THEM = (Table.GRADES, Table.SCORES, Table.METRICS, Table.COMPARISONS, Table.RUNS)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as server:
        yield server


def begun(fitted_run: Run, folder: Path) -> Path:
    """The store of a run that was cut off while it asked, with the adapter that another one had trained."""
    store = Path(shutil.copytree(local(fitted_run.store.root), folder))
    for name in (*MADE_FROM_THEM, "classifiers", "reports", "finetune", "adapters"):
        shutil.rmtree(store / name, ignore_errors=True)
    for table in GENERATED:
        next((store / table / fitted_run.recipe.partitions[table]).glob("*.parquet")).unlink()
    return store


COMPARED = (
    "SELECT key, text, error FROM answers ORDER BY key",
    "SELECT key, index, text, error FROM samples ORDER BY key, index",
    "SELECT key, text, error FROM queries ORDER BY key",
    "SELECT key, correct, extracted, reason FROM grades ORDER BY key",
)


def test_a_run_in_a_bucket_ends_as_one_in_a_folder(
    server: Server, fitted_run: Run, fitted_file: Path, raycal: Raycal, tmp_path: Path
) -> None:
    bucket, trained = server.folder(), fitted_run.store.root / "adapters"
    bucket.fs.put(f"{begun(fitted_run, tmp_path / 'begun')}/", bucket.path, recursive=True)
    adapters = [path for path in trained.iterdir() if path.is_dir()]
    assert adapters
    for adapter in adapters:
        with atomic_folder(bucket / "adapters" / adapter.name) as aside:
            copy_folder(adapter, aside)
        assert str(find_adapter(bucket / "adapters" / adapter.name)) == str(find_adapter(adapter))
    done = raycal("run", str(fitted_file), "--set", f"storage={bucket}")
    assert "finetune: s3://" in done.stdout
    assert ", 0 answers to ask about" in done.stdout

    run = Run.open(read_experiment(fitted_file, [f"storage={bucket}"]))
    for query in COMPARED:
        here, there = (list(one.store.rows(query)) for one in (fitted_run, run))
        assert here == there
        assert here
    query = "SELECT method, n, coverage, accuracy, ece, auroc, brier FROM metrics WHERE run = ? ORDER BY method"
    there, here = (list(one.store.rows(query, [run.id])) for one in (run, fitted_run))
    assert [row.pop("method") for row in there] == [row.pop("method") for row in here]
    assert there == [pytest.approx(row) for row in here]
    classifiers = list((bucket / "classifiers").iterdir())
    assert classifiers
    assert all(map(is_complete, classifiers))
    assert list(bucket.glob(f"reports/{run.id}/*/index.html"))
    assert not list((bucket / "notes").rglob("*.suspect"))

    again = raycal("elicit", str(fitted_file), "--set", f"storage={bucket}")
    assert "elicit: 0 questions to ask" in again.stdout
    objects = [path.read_bytes() for path in bucket.rglob("*") if path.is_file()]
    said = [text.encode() for text in (done.stdout, done.stderr, again.stdout, again.stderr)]
    assert not [content for content in objects + said if SECRET.encode() in content]
