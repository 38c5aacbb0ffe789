"""What failed is counted among a run's own rows, and no longer once it has been made."""

from __future__ import annotations

from pathlib import Path

from made_up_store import make_experiment, open_made_up, write_answers

from raycal.experiment.record import count_failed_rows
from raycal.store.schemas import Table

FAILED = {Table.ANSWERS: 1, Table.SAMPLES: 2, Table.QUERIES: 1}


def test_rows_count_as_failed_until_they_are_made(tmp_path: Path) -> None:
    run = open_made_up(make_experiment(tmp_path, 20))
    write_answers(run, str)
    assert count_failed_rows(run) == dict.fromkeys(FAILED, 0)
    one = run.asked.to_pylist()[3]
    failing = {
        Table.ANSWERS: [{"key": one["answer_key"]}],
        Table.SAMPLES: [{"key": one["samples_key"], "index": index} for index in range(2)],
        Table.QUERIES: [{"key": "0" * 32, "answer_key": one["answer_key"]}],
    }

    def write(table: Table, **columns: object) -> None:
        rows = [row | {"question_id": one["question_id"]} | columns for row in failing[table]]
        run.store.write(table, run.recipe.partitions[table], rows)

    for table in (Table.SAMPLES, Table.QUERIES):
        write(table, error="too long")
    assert count_failed_rows(run) == FAILED | {Table.ANSWERS: 0}, "an answer was there before it failed"
    elsewhere = {"key": "1" * 32, "question_id": "another experiment's", "error": "too long"}
    run.store.write(Table.ANSWERS, run.recipe.partitions[Table.ANSWERS], [elsewhere])
    assert count_failed_rows(run) == FAILED | {Table.ANSWERS: 0}
    failing[Table.SAMPLES].pop()
    write(Table.SAMPLES, text="made since")
    assert count_failed_rows(run) == FAILED | {Table.ANSWERS: 0, Table.SAMPLES: 1}


def test_a_question_in_two_sources_fails_once(tmp_path: Path) -> None:
    path = make_experiment(tmp_path, 20)
    source = f"source: file, path: {tmp_path}/questions.jsonl, dataset: numbers"
    run = open_made_up(path, f"questions=[{{{source}}}, {{{source}, limit: 20}}]")
    write_answers(run)
    failed = run.store.rows("SELECT count(*) AS n FROM answers WHERE error IS NOT NULL")
    assert [count_failed_rows(run)[Table.ANSWERS]] == [row["n"] for row in failed] != [0]
