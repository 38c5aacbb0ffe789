"""In a bucket: whole folders, notes, a study, a run with its report, and what is said of one that cannot be used."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from background import PATIENCE_S
from made_up_store import make_experiment, open_made_up, write_answers, write_scores
from s3_server import BUCKET, SECRET, Server, forget_clients, s3_server
from typer.testing import CliRunner

from raycal.analysis.export import open_run
from raycal.api import report_stage
from raycal.cli.events import EventPrinter
from raycal.cli.main import app
from raycal.cli.submit import submit
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.experiment.record import record_run
from raycal.experiment.run import Run
from raycal.grading.match import Match
from raycal.inference.faults import CrashLog, StartCounter, Suspicion
from raycal.models.adapters import AdapterError, find_adapter
from raycal.stages.evaluate import evaluate_run
from raycal.stages.grade import grade_by_rules
from raycal.stages.pipeline import agreements
from raycal.store.atomic import atomic_file, atomic_folder, copy_folder, is_complete, local_copy, remove_folder
from raycal.store.locations import LocationError, check, location
from raycal.store.s3 import BucketPath
from raycal.store.schemas import Table
from raycal.store.store import Store
from raycal.sweep.study import DATABASE, StudyFile


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def folder(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BucketPath:
    monkeypatch.setenv("RAYCAL_CACHE", str(tmp_path / "cache"))
    return server.folder()


def fill(folder: BucketPath, text: str) -> None:
    with atomic_folder(folder) as aside:
        (aside / "part").mkdir()
        (aside / "part" / "file").write_text(text)
        assert not is_complete(folder)


def test_a_folder_appears_when_it_is_whole_and_is_copied_once(folder: BucketPath) -> None:
    fill(folder / "name", "text")
    assert is_complete(folder / "name")
    copy = local_copy(folder / "name")
    assert (copy / "part" / "file").read_text() == "text"
    assert local_copy(folder / "name") == copy
    remove_folder(folder / "name")
    assert not is_complete(folder / "name")
    fill(folder / "name", "other")
    assert (local_copy(folder / "name") / "part" / "file").read_text() == "other"


def test_half_a_folder_is_none(folder: BucketPath) -> None:
    def fail() -> None:
        with atomic_folder(folder / "name") as aside:
            (aside / "file").write_text("half")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert not (folder / "name").is_dir()
    (folder / "name" / "file").write_text("a killed process")
    assert not is_complete(folder / "name")


def test_the_folder_of_a_faster_process_stays(folder: BucketPath) -> None:
    with atomic_folder(folder) as aside:
        (aside / "file").write_text("second")
        with atomic_folder(folder) as faster:
            (faster / "file").write_text("first")
    assert (folder / "file").read_text() == "first"


def test_a_file_is_whole_and_replaces_another(folder: BucketPath, tmp_path: Path) -> None:
    for text in ("one", "another"):
        with atomic_file(folder / "file.txt") as aside:
            aside.write_text(text)
    assert (folder / "file.txt").read_text() == "another"
    copy_folder(folder, tmp_path)
    assert (tmp_path / "file.txt").read_text() == "another"


def test_an_adapter_that_is_not_there_is_named(folder: BucketPath) -> None:
    with pytest.raises(AdapterError, match=f"the folder {folder} holds no adapter: it has no adapter_config.json"):
        find_adapter(folder)


def test_notes_outlive_a_replica(folder: BucketPath) -> None:
    suspects = CrashLog(folder)
    assert not suspects.read()
    suspects.note(["a", "b"], Suspicion.SUSPECT)
    suspects.note(["a"], Suspicion.GUILTY)
    assert suspects.read() == {"a": Suspicion.GUILTY, "b": Suspicion.SUSPECT}
    suspects.clear(["a"])
    assert suspects.read() == {"b": Suspicion.SUSPECT}
    starts = StartCounter(folder / "starts", "replica")
    assert [starts.note(), starts.note(), StartCounter(folder / "starts", "other").note()] == [1, 2, 1]
    starts.clear()
    assert starts.note() == 1


def test_a_study_is_kept_and_fetched_again(folder: BucketPath) -> None:
    file = StudyFile(folder)
    file.keep()
    assert not (folder / DATABASE).exists(), "there is none yet"
    with closing(sqlite3.connect(file.folder / DATABASE)) as database:
        database.execute("CREATE TABLE trials AS SELECT 7 AS number")
        file.keep()
    with closing(sqlite3.connect(StudyFile(folder).folder / DATABASE)) as database:
        assert database.execute("SELECT number FROM trials").fetchall() == [(7,)]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("ftp://somewhere/else", "there is no storage of the kind ftp: write a folder, or s3://BUCKET/PREFIX"),
        (f"s3://key:{SECRET}@bucket/prefix", "credentials and endpoint come from the environment"),
        (f"s3://key:{SECRET}/bucket/prefix", "credentials and endpoint come from the environment"),
        (f"s3://bucket/prefix?secret={SECRET}", "credentials and endpoint come from the environment"),
        ("s3:/bucket/prefix", "write it as s3://BUCKET/PREFIX"),
        ("s3://", "write it as s3://BUCKET/PREFIX"),
    ],
)
def test_what_cannot_be_a_storage_is_refused_in_a_sentence_without_its_secret(
    place: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExperimentError, match=said) as raised:
        read_experiment(None, [f"storage={place}"])
    assert SECRET not in str(raised.value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.yaml").write_text("name: some")
    with pytest.raises(ExperimentError, match=said) as refused:
        submit("pipeline", Path("some.yaml"), ["--set", f"storage={place}"], "http://nowhere", stop_on_interrupt=False)
    assert SECRET not in str(refused.value)


def test_without_s3fs_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(LocationError, match=r"install raycal\[s3\]"):
        location("s3://bucket/prefix")


@pytest.mark.parametrize("place", ["results", "/shared/results", "~/results", "C:/results"])
def test_a_folder_is_a_path(place: str) -> None:
    assert location(place) == Path(place).expanduser()


def test_a_bucket_that_cannot_be_used_is_said_before_anything_starts(
    server: Server, folder: BucketPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = make_experiment(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no such bucket: 's3://no-such-bucket'"):
        open_made_up(experiment, "storage=s3://no-such-bucket/prefix")
    with server.refusing(), pytest.raises(PermissionError, match=f"access is refused: 's3://{BUCKET}'"):
        check(folder)
    done = CliRunner().invoke(app, ["results", "--store", "s3://no-such-bucket/prefix"])
    assert done.stderr == "raycal: s3://no-such-bucket cannot be used: there is no such bucket\n"
    done = CliRunner().invoke(app, ["results", "--store", str(folder)])
    assert "there is no results store at s3://" in done.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    forget_clients()
    with pytest.raises(OSError, match="its server does not answer"):
        check(folder)
    monkeypatch.undo()
    forget_clients()


@pytest.mark.parametrize("away", [Server.silent, Server.gone])
def test_a_server_that_is_away_is_waited_for(
    server: Server, folder: BucketPath, away: Callable[[Server], AbstractContextManager[None]]
) -> None:
    store = Store(folder)
    for number in range(3):
        store.write(Table.ANSWERS, "p", [{"key": str(number)}])

    def write_and_read() -> None:
        store.write(Table.ANSWERS, "p", [{"key": "last"}])
        (folder / "file").write_text((folder / "file").read_text() + " more")

    (folder / "file").write_text("text")
    with away(server):
        waiting = [
            threading.Thread(target=write_and_read),
            threading.Thread(target=lambda: found.extend(store.rows("SELECT key FROM answers"))),
        ]
        found: list[dict[str, Any]] = []
        for thread in waiting:
            thread.start()
        time.sleep(1)
        assert all(thread.is_alive() for thread in waiting)
    for thread in waiting:
        thread.join(PATIENCE_S)
    assert (folder / "file").read_text() == "text more"
    assert {row["key"] for row in found} >= {"0", "1", "2"}


@pytest.fixture
def evaluated(folder: BucketPath, tmp_path: Path) -> tuple[Run, Run]:
    """Runs with made-up answers: one in the bucket, and the same in a folder."""
    experiment = make_experiment(tmp_path)
    methods = "methods=[{method: zero_shot}, {method: recalibrated, of: {method: zero_shot}}]"
    few = "evaluate.replicates=20"
    runs = [open_made_up(experiment, methods, few, f"storage={root}") for root in (folder, tmp_path / "store")]
    for run in runs:
        write_answers(run)
        grade_by_rules(run, Match())
        write_scores(run, lambda key: int(key[:4], 16) / 0xFFFF)
    return runs[0], runs[1]


@pytest.mark.usefixtures("coarse_figures")
def test_a_run_and_its_report_are_those_of_a_folder(
    evaluated: tuple[Run, Run], capsys: pytest.CaptureFixture[str]
) -> None:
    from raycal.models.embeddings import Embedder
    from raycal.stages.score import score_answers

    for run in evaluated:
        for method in run.experiment.methods:
            score_answers(run, method, Embedder(run.experiment.embedding_model))
        evaluate_run(run)
        record_run(run, {name: vars(found) for name, found in agreements(run).items()})
    report_stage(evaluated[0], EventPrinter())
    for table in (Table.QUESTIONS, Table.ANSWERS, Table.GRADES, Table.SCORES, Table.METRICS, Table.COMPARISONS):
        there, here = (list(run.store.rows(f"SELECT * FROM {table} ORDER BY key")) for run in evaluated)
        assert there == here
        assert here
    bucket, store = evaluated[0].store.root, evaluated[1].store.root
    (page,) = bucket.glob(f"reports/{evaluated[0].id}/*/index.html")
    assert str(bucket) in page.read_text()
    assert open_run(evaluated[0].id, bucket).questions.shards == evaluated[0].questions.shards
    assert (page.parent / "reliability.png").is_file()
    found, same = (CliRunner().invoke(app, ["results", "--store", str(root), "--json"]) for root in (bucket, store))
    assert json.loads(found.stdout) == json.loads(same.stdout)

    printed = capsys.readouterr()
    assert f"report: {bucket}" in printed.out.replace("\n", "")
    everything = [path.read_bytes() for path in bucket.rglob("*") if path.is_file()]
    everything += [text.encode() for text in (printed.out, printed.err, found.stdout, found.stderr)]
    assert len(everything) > 10
    assert not [content for content in everything if SECRET.encode() in content]
