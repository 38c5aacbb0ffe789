"""A store outlives a release: what an earlier raycal wrote is read and extended, what a newer one wrote is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from s3_server import Server, s3_server
from typer.testing import CliRunner

from raycal import __version__
from raycal.analysis.export import ExportError, export_graded, open_run
from raycal.analysis.threshold import threshold_of_run
from raycal.cli.main import app
from raycal.cli.render import list_results, list_trials
from raycal.experiment.file import read_experiment
from raycal.experiment.pending import CompletedKeys, count_work
from raycal.experiment.record import record_run
from raycal.experiment.run import Run
from raycal.grading.match import Match
from raycal.methods.classifier import Classifier
from raycal.methods.fine_tuned import FineTuned
from raycal.models.embeddings import Embedder
from raycal.stages.artifacts import artifact_fingerprint
from raycal.stages.elicit import questions_dataset
from raycal.stages.evaluate import evaluate_run
from raycal.stages.grade import grade_by_rules, grades_of
from raycal.stages.score import score_answers, scores_of
from raycal.stages.tuned_query import check_asked_as_trained
from raycal.store.locations import Location
from raycal.store.schemas import SCHEMAS, Table
from raycal.store.store import STORE_FORMAT, Store, StoreError, read_blocks

OLD = Path(__file__).parent / "data" / "store-format-0"
OLD_RUN = "made-up-335510d2"
OLD_ROWS = {
    Table.SOURCES: 1,
    Table.QUESTIONS: 60,
    Table.BAD_QUESTIONS: 0,
    Table.ANSWERS: 54,
    Table.SAMPLES: 58,
    Table.QUERIES: 60,
    Table.VERDICTS: 1,
    Table.GRADES: 46,
    Table.FEATURES: 60,
    Table.TRAINING: 3,
    Table.SCORES: 138,
    Table.METRICS: 3,
    Table.COMPARISONS: 12,
    Table.RUNS: 1,
    Table.TRIALS: 2,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Location:
    """The root of a copy of the old store, with its experiment in the working folder."""
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    if request.param == "folder":
        return tmp_path / "store"
    bucket: Location = request.getfixturevalue("server").folder()
    for file in OLD.glob("store/**/*.*"):
        (bucket / str(file.relative_to(OLD / "store"))).write_bytes(file.read_bytes())
    return bucket


@pytest.fixture
def more_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every table had one more column by now."""
    for table, schema in SCHEMAS.items():
        monkeypatch.setitem(SCHEMAS, table, schema.append(pa.field("later", pa.float64())))


def rows_of(store: Store, query: str) -> list[dict[str, Any]]:
    return list(store.rows(query))


def open_old(root: Location) -> Run:
    return Run.open(read_experiment(Path("made-up.yaml"), [f"storage={root}"]))


@pytest.mark.usefixtures("more_columns")
def test_a_column_that_no_shard_has_is_null(old: Location) -> None:
    store = Store.open(old)
    assert store.format() == 0
    for table, count in OLD_ROWS.items():
        assert rows_of(store, f"SELECT count(*) AS n, count(later) AS later FROM {table}") == [{"n": count, "later": 0}]
    assert not (old / "store.json").exists(), "what is only read stays as it is"


@pytest.mark.usefixtures("more_columns")
def test_older_and_newer_shards_are_read_together_by_every_reader(old: Location) -> None:
    store = Store.open(old)
    for table, count in OLD_ROWS.items():
        before = store.shards(table)
        keys = [f"{number:032x}" for number in (1, 2)]
        new = [{"key": key, "later": 0.5} | ({"index": 0} if table is Table.SAMPLES else {}) for key in keys]
        partition = before[0].parent.name if before else "new"
        written = store.write(table, partition, new)
        assert written is not None
        found = rows_of(store, f"SELECT count(*) AS n, sum(later) AS later FROM {table}")
        assert found == [{"n": count + 2, "later": 1.0}]
        for shards in ([*before, written], [written, *before]):
            query = f"SELECT key FROM {table} WHERE later IS NOT NULL ORDER BY key"
            assert store.arrow(query, shards={table: shards})["key"].to_pylist() == keys
            batches = store.batches(f"SELECT key, later FROM all_{table}", table, shards)
            assert sum(batch.num_rows for batch in batches) == count + 2
            blocks = pa.Table.from_batches(read_blocks(table, shards, ["later", "key"]))
            assert blocks.schema == pa.schema([("later", pa.float64()), ("key", pa.string())])
            assert blocks["later"].null_count == count
        identities = {f"{row['key']}:{row.get('index', '')}" for row in new}
        assert store.finished(table, partition, identities) == identities


def test_an_old_run_goes_on_where_it_was(old: Location) -> None:
    run = open_old(old)
    assert run.id != OLD_RUN, "ids have changed since"
    done = CompletedKeys.read(run.store, run.recipe, retry_errors=False)
    assert count_work(run, done) == (60, 6), "no answer, sample or query is asked for again"
    assert grade_by_rules(run, Match()) == 46, "by rules that have changed since"
    assert grade_by_rules(run, Match()) == 0
    assert len(grades_of(run, run.experiment.grade.graders[0])) == 46
    for method in run.experiment.methods:
        score_answers(run, method, Embedder(run.experiment.embedding_model))
        assert scores_of(run, method)
    evaluate_run(run)
    record_run(run, {})
    assert {row["run"] for row in list_results(old)} == {OLD_RUN, run.id}
    before, after = (
        {row["method"]: row["ece"] for row in list_results(old) if row["run"] == name} for name in (OLD_RUN, run.id)
    )
    assert after == pytest.approx(before), "the same numbers, from the same answers"
    assert len(before) == 3
    assert [row["state"] for row in list_trials(old, "made-up-sweep")] == ["finished"] * 3 + ["failed"]
    assert threshold_of_run(run, "zero_shot", error_rate=0.4).to_dict()


def test_a_run_whose_id_has_changed_since_is_named_by_its_experiment(old: Location) -> None:
    with pytest.raises(ExportError, match=f"{OLD_RUN} was run .* by a raycal whose options meant something else: give"):
        open_run(OLD_RUN, old)
    run = open_run("made-up.yaml", old, [f"storage={old}"])
    grade_by_rules(run, Match())
    assert export_graded(run, Path("out"))


def test_what_was_fitted_is_used_as_it_was_fitted(old: Location) -> None:
    (classifier,) = (old / "classifiers").iterdir()
    (adapter,) = (old / "adapters").iterdir()
    assert artifact_fingerprint(Classifier(fitted=classifier, layer=3), classifier)
    check_asked_as_trained(FineTuned(adapter=adapter))


def test_a_store_says_its_format_with_its_first_shard(old: Location, tmp_path: Path) -> None:
    for store in (Store.open(old), Store.open(tmp_path / "new")):
        assert store.format() == 0
        store.write(Table.ANSWERS, "p", [])
        assert not (store.root / "store.json").exists()
        store.write(Table.ANSWERS, "p", [{"key": "a"}])
        assert json.loads((store.root / "store.json").read_text()) == {"format": STORE_FORMAT, "raycal": __version__}
        assert Store.open(store.root).format() == STORE_FORMAT
    assert not rows_of(Store(tmp_path / "new"), "SELECT * FROM metrics")


def newer(root: Location) -> str:
    """Make a store a newer one; what is said of it."""
    (root / "store.json").write_text(json.dumps({"format": STORE_FORMAT + 1, "raycal": "9.9", "more": 1}))
    return (
        f"the store {root} has format {STORE_FORMAT + 1}, of raycal 9.9, and this raycal ({__version__}) knows formats "
        f"up to {STORE_FORMAT}: upgrade raycal, or name another store"
    )


def test_nothing_is_written_to_a_newer_store(old: Location) -> None:
    said = newer(old)
    for attempt in (lambda: Store.open(old), lambda: Store(old).write(Table.ANSWERS, "p", [{"key": "a"}])):
        with pytest.raises(StoreError) as raised:
            attempt()
        assert str(raised.value) == said
    assert not (old / "answers" / "p").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["run", "made-up.yaml"],
        ["run", "made-up.yaml", "--plan", "--rate", "100"],
        ["elicit", "made-up.yaml"],
        ["evaluate", "made-up.yaml"],
        ["report", "made-up.yaml"],
        ["threshold", "made-up.yaml", "--error-rate", "0.1", "--method", "zero_shot"],
        ["sweep", "sweep.yaml"],
        ["sweep", "sweep.yaml", "--plan"],
        ["ablate", "made-up.yaml", "--set", "methods=[{method: classifier}]"],
        ["export-graded", "made-up.yaml", "-o", "out"],
        ["export-graded", OLD_RUN, "--store", "store", "-o", "out"],
        ["import-graded", "made-up.yaml", "questions.jsonl"],
        ["results", "--store", "store"],
        ["results", "--store", "store", "--sql", "SELECT 1"],
        ["results", "--store", "store", "--sweep", "made-up-sweep"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("old", ["folder"], indirect=True)
def test_every_command_refuses_a_newer_store_in_a_sentence(old: Location, command: list[str]) -> None:
    newer(old)
    Path("sweep.yaml").write_text(
        Path("made-up.yaml").read_text().partition("methods:")[0] + "sweep: {space: [{method: zero_shot}]}"
    )
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    *opening, sentence = done.stderr.splitlines()
    assert re.match(r"raycal: (?:(?:made-up|sweep)\.yaml: )?the store ", sentence)
    assert sentence.endswith("upgrade raycal, or name another store")
    assert all(line.endswith(": reading the questions, finding the model") for line in opening)
    assert done.stdout == ""


@pytest.mark.parametrize("text", ["", "{}", '{"format": "new"}'])
def test_a_format_that_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "store.json").write_text(text)
    with pytest.raises(StoreError, match=r"store\.json is not as raycal writes it"):
        Store.open(tmp_path)


def test_looking_for_results_makes_no_store(tmp_path: Path) -> None:
    for options in ([], ["--sql", "SELECT * FROM metrics"]):
        assert CliRunner().invoke(app, ["results", "--store", str(tmp_path), *options]).exit_code == 0
    assert CliRunner().invoke(app, ["results", "--store", str(tmp_path / "none")]).exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ray
def test_ray_reads_older_and_newer_questions_together(old: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    store = Store.open(old)
    before = store.shards(Table.QUESTIONS)
    without = pa.schema([field for field in SCHEMAS[Table.QUESTIONS] if field.name != "subject"])
    with monkeypatch.context() as patched:
        patched.setitem(SCHEMAS, Table.QUESTIONS, without)
        lacking = store.write(Table.QUESTIONS, "p", [{"key": "a", "question": "Q?", "choices": []}])
    assert lacking is not None
    ray.init(num_cpus=1, include_dashboard=False)
    try:
        for shards in ([*before, lacking], [lacking, *before]):
            rows = questions_dataset(shards).take_all()
            assert len(rows) == 61
            assert [row["question"] for row in rows if row["subject"] is None] == ["Q?"]
    finally:
        ray.shutdown()
