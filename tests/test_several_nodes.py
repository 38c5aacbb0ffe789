"""What a job on a cluster of three nodes came to, beside the same on one machine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raycal.experiment.run import Run
from raycal.store.schemas import Table

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


def generated(run: Run, others: Run, table: Table) -> dict[tuple[str, int], dict[str, Any]]:
    """The rows about the questions that another run has asked."""
    asked = {row["question_id"] for row in others.asked.to_pylist()}
    rows = run.store.rows(f"SELECT * FROM {table}", shards=run.shards)
    return {(row["key"], row.get("index", 0)): row for row in rows if row["question_id"] in asked}


def test_two_engines_and_two_training_workers_were_on_two_nodes_each(tuned: Run) -> None:
    nodes = json.loads((tuned.store.root / "nodes.json").read_text())
    assert len(nodes["engines"]) == 2
    assert len(nodes["workers"]) == 2


@pytest.mark.parametrize("table", [Table.ANSWERS, Table.SAMPLES, Table.QUERIES])
def test_the_tables_are_those_of_one_machine(tuned: Run, finished: Run, table: Table) -> None:
    # The tuned run has fewer methods, and so fewer queries.
    here, there = generated(finished, finished, table), generated(tuned, finished, table)
    assert there.keys() == {key for key in here if table is not Table.QUERIES or here[key]["query"] == "correctness"}
    # Batches differ, and with them the last bits of the arithmetic.
    same = [row["text"] == here[key]["text"] for key, row in there.items()]
    assert sum(same) / len(same) > 0.9
    if table is Table.QUERIES:
        close = [row["p_true"] == pytest.approx(here[key]["p_true"], abs=1e-3) for key, row in there.items()]
        assert sum(close) / len(close) > 0.9


def test_equal_answers_have_equal_grades_and_metrics_follow(tuned: Run, finished: Run) -> None:
    def grades(run: Run) -> dict[str, bool]:
        return {row["answer_key"]: row["correct"] for row in run.store.rows("SELECT answer_key, correct FROM grades")}

    here, there = grades(finished), grades(tuned)
    assert here.keys() < there.keys()  # the training split beside them
    assert sum(here[key] == there[key] for key in here) / len(here) > 0.9

    def zero_shot(run: Run) -> dict[str, Any]:
        query = "SELECT * FROM metrics WHERE run = ? AND method = 'zero_shot'"
        (row,) = run.store.rows(query, [run.id])
        return row

    one, several = zero_shot(finished), zero_shot(tuned)
    assert several["n"] == one["n"]
    assert several["accuracy"] == pytest.approx(one["accuracy"], abs=0.1)
    assert several["ece"] == pytest.approx(one["ece"], abs=0.1)
