"""A store of somebody else's: what it names elsewhere stays closed, and a query of it does nothing but read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_up_store import make_run, open_made_up, write_answers
from typer.testing import CliRunner

import raycal as rc
from raycal.analysis.export import ExportError, export_graded, open_run
from raycal.cli.main import app
from raycal.experiment.record import record_run
from raycal.experiment.run import Run, run_id
from raycal.experiment.stored_questions import NoStoredQuestionsError
from raycal.grading.match import Match
from raycal.stages.grade import grade_by_rules
from raycal.store.schemas import SCHEMAS, Table
from raycal.store.store import Store

SECRET = "s3cr3t"  # noqa: S105 - made up


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path)[1]


def name_another_source(run: Run, source: dict[str, object]) -> str:
    """Have the store's row of a run name another source of questions; returns the run's id then."""
    experiment = run.experiment.model_validate({**run.experiment.model_dump(mode="json"), "questions": [source]})
    forged = run_id(experiment, run.recipe.model)
    (row,) = run.store.rows("SELECT * FROM runs")
    run.store.write(
        Table.RUNS, forged, [row | {"key": forged, "run": forged, "experiment": experiment.model_dump_json()}]
    )
    return forged


def test_a_run_is_exported_though_its_files_are_gone(run: Run, tmp_path: Path) -> None:
    before = export_graded(run, tmp_path / "before")
    (tmp_path / "questions.jsonl").unlink()
    assert export_graded(open_run(run.id, run.store.root), tmp_path / "after") == before
    for file in (tmp_path / "before").iterdir():
        assert file.read_bytes() == (tmp_path / "after" / file.name).read_bytes()
    assert len(rc.open_store(run.store.root).run(run.id).answers()) == sum(split.n for split in before)


def test_few_shot_examples_are_those_of_the_run(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path)
    run = open_made_up(path, "elicit.few_shot=3", "name=shown")
    write_answers(run)
    grade_by_rules(run, Match())
    record_run(run, {})
    recorded = open_run(run.id, run.store.root)
    assert recorded.recipe == run.recipe
    assert recorded.questions.examples
    assert recorded.asked == run.asked
    assert (recorded.questions.questions, recorded.questions.bad_rows) == (run.questions.questions, 0)


@pytest.mark.parametrize(
    "source",
    [
        {"source": "file", "path": "{elsewhere}/secret.jsonl"},
        {"source": "file", "path": "{elsewhere}/secret.csv", "columns": {"question": SECRET, "answers": SECRET}},
        {"source": "file", "path": "/dev/zero"},
        {"source": "mmlu", "path": "{elsewhere}"},
        {"source": "hub", "name": "nq_open", "path": "{elsewhere}"},
        {"source": "hub", "name": "nq_open", "path": "somebody/else"},
    ],
    ids=lambda source: f"{source['source']}-{Path(source['path']).name}",
)
def test_a_file_that_a_store_names_is_not_opened(run: Run, tmp_path: Path, source: dict[str, object]) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.jsonl").write_text(json.dumps({"question": SECRET, "answer": SECRET}))
    (elsewhere / "secret.csv").write_text(f"{SECRET}\n{SECRET}\n")
    named = {
        name: str(value).format(elsewhere=elsewhere) if name == "path" else value for name, value in source.items()
    }
    forged = name_another_source(run, named)
    shards = sorted(run.store.root.rglob("*.parquet"))
    with pytest.raises(NoStoredQuestionsError, match="nothing else that a store names is opened"):
        open_run(forged, run.store.root)
    done = CliRunner().invoke(
        app, ["export-graded", forged, "--store", str(run.store.root), "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 1
    assert not (tmp_path / "out").exists()
    assert sorted(run.store.root.rglob("*.parquet")) == shards, "nothing of it is in the store now"


@pytest.mark.parametrize("partition", ["../../elsewhere", "{elsewhere}", "..", "*", "**"])
def test_a_partition_that_a_store_names_lies_in_it(run: Run, tmp_path: Path, partition: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (shard,) = run.questions.shards
    (elsewhere / shard.name).write_bytes(Path(str(shard)).read_bytes())
    (sources,) = run.store.shards(Table.SOURCES)
    (row,) = pq.read_table(sources).to_pylist()
    ingested = json.loads(row["ingested"]) | {"partition": partition.format(elsewhere=elsewhere)}
    forged = pq.read_table(sources).from_pylist(
        [row | {"ingested": json.dumps(ingested)}], schema=SCHEMAS[Table.SOURCES]
    )
    pq.write_table(forged, str(sources))
    with pytest.raises(NoStoredQuestionsError):
        open_run(run.id, run.store.root)
    again = open_made_up(tmp_path / "made-up.yaml")
    assert again.questions.shards == run.questions.shards, "by the file, the questions are read anew"


def test_a_run_of_another_model_is_still_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model" / "config.json").write_text('{"another": 1}')
    with pytest.raises(ExportError, match="another model"):
        open_run(run.id, run.store.root)


QUERIES = {
    "a file": "SELECT * FROM '{secret}'",
    "a file's text": "SELECT * FROM read_text('{secret}')",
    "names of files": "SELECT * FROM glob('{folder}/*')",
    "the store's own files": "SELECT * FROM read_text('{store}/store.json')",
    "a shard by its path": "SELECT * FROM read_parquet('{store}/runs/*/*.parquet')",
    "the network": "SELECT * FROM read_text('http://127.0.0.1:9/')",
    "a bucket": "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "an extension": "LOAD httpfs",
    "one from the net": "INSTALL httpfs",
    "another database": "ATTACH '{folder}/new.db'",
    "one in memory": "ATTACH ':memory:' AS other",
    "writing": "COPY (SELECT 1) TO '{folder}/new.csv'",
    "writing, explained": "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/new.csv' (USE_TMP_FILE false)",
    "writing where queries put things aside": "EXPLAIN ANALYZE COPY (SELECT 1) TO '.tmp/new.csv' (USE_TMP_FILE false)",
    "everything": "EXPORT DATABASE '{folder}/new'",
    "a new table": "CREATE TABLE t AS SELECT 1",
    "a view less": "DROP VIEW metrics",
    "no row": "DELETE FROM runs",
    "settings": "SET enable_external_access = true",
    "behind a reading one": "SELECT 1; COPY (SELECT 1) TO '{folder}/new.csv'",
    "a variable of this process": "SELECT * FROM rows",
    "the process's environment": "SELECT getenv('HOME')",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_does_nothing_but_read_the_tables(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    (tmp_path / ".tmp").mkdir()
    (tmp_path / "secret.csv").write_text(f"a\n{SECRET}\n")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    sql = query.format(secret=tmp_path / "secret.csv", folder=tmp_path, store=run.store.root)
    done = CliRunner().invoke(app, ["results", "--store", str(run.store.root), "--json", "--sql", sql])
    assert done.exit_code == 1
    assert done.stderr.startswith("raycal: ")
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.output
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM runs",
        "WITH r AS (FROM runs) SELECT run FROM r",
        "FROM all_answers ORDER BY key",
        "SELECT text FROM answers JOIN questions ON questions.key = question_id WHERE split = 'test' ORDER BY 1",
        "SELECT count(*) AS n FROM questions WHERE split = 'no such'",
        "SELECT dataset || '!' FROM questions GROUP BY ALL",
        "VALUES (1), (2)",
        "SELECT 1; SELECT 2",
    ],
)
def test_a_query_that_reads_has_the_rows_that_it_had(run: Run, query: str) -> None:
    assert run.store.foreign_arrow(query).to_pylist() == list(run.store.rows(query))


@pytest.mark.parametrize("query", ["DESCRIBE runs", "SHOW TABLES", "SUMMARIZE questions", "PIVOT questions ON split"])
def test_a_query_may_ask_for_what_there_is(run: Run, query: str) -> None:
    assert run.store.foreign_arrow(query).num_rows


def test_a_shard_of_an_older_release_lacks_columns(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = store.write(Table.RUNS, "old", [{"key": "old", "run": "old"}])
    pq.write_table(pq.read_table(str(path)).select(["key", "run"]), str(path))
    assert store.foreign_arrow("SELECT run, grading FROM runs").to_pylist() == [{"run": "old", "grading": None}]
