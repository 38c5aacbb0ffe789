"""A finished run, read back: the numbers in the store are those that its own rows give."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support import Raycal, local

from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.questions.question import Split
from raycal.stages.evaluate import scored_splits
from raycal.store.schemas import Table

pytestmark = pytest.mark.engine

Again = Callable[..., tuple[str, Run]]


@pytest.fixture
def again(finished: Run, experiment_file: Path, tmp_path: Path, raycal: Raycal) -> Again:
    """A stage with changed settings, on a copy of the finished store: what it prints, and its run."""

    def run(stage: str, *settings: str) -> tuple[str, Run]:
        store = tmp_path / "store"
        shutil.copytree(local(finished.store.root), store)
        overrides = [f"storage={store}", *settings]
        done = raycal(stage, str(experiment_file), *(part for its in overrides for part in ("--set", its)))
        return done.stdout, Run.open(read_experiment(experiment_file, overrides))

    return run


def test_every_question_has_every_row(finished: Run) -> None:
    asked = finished.questions.questions
    assert asked == finished.asked.num_rows > 20
    counts = {
        "answers": asked,
        "samples": asked * 4,
        "queries": asked * 2,
        "grades": asked - failed(finished),
        "runs": 1,
    }
    for table, expected in counts.items():
        (row,) = finished.store.rows(f"SELECT count(*) AS n FROM {table}")
        assert row["n"] == expected, table


def failed(run: Run) -> int:
    (row,) = run.store.rows("SELECT count(error) AS n FROM answers")
    return int(row["n"])


def test_only_the_splits_that_were_asked_for_are_asked(finished: Run) -> None:
    rows = finished.store.rows(
        "SELECT DISTINCT split FROM answers JOIN questions ON questions.key = answers.question_id"
    )
    assert {row["split"] for row in rows} == {"calibration", "test"}


def test_metrics_are_those_of_the_stored_scores_and_grades(finished: Run) -> None:
    (found,) = scored_splits(finished, Split.TEST)
    rows = list(finished.store.rows("SELECT * FROM metrics"))
    assert sorted(row["method"] for row in rows) == sorted(method.label for method in finished.experiment.methods)
    for row in rows:
        p = found.confidence[row["method"]]
        kept = ~np.isnan(p)
        assert row["n"] == kept.sum()
        assert row["coverage"] == pytest.approx(kept.mean())
        assert row["questions"] == row["failed"] + len(found.correct)
        if kept.any():
            assert row["accuracy"] == pytest.approx(found.correct[kept].mean())
            assert row["brier"] == pytest.approx(np.mean((p[kept] - found.correct[kept]) ** 2))
        if len(set(found.correct[kept])) == 2:
            assert row["auroc"] == pytest.approx(roc_auc_score(found.correct[kept], p[kept]))
        else:
            assert row["auroc"] is None
            assert json.loads(row["undefined"])["auroc"]


def test_cost_adds_up_and_provenance_is_readable(finished: Run) -> None:
    (run,) = finished.store.rows("SELECT * FROM runs")
    total = 0
    for table in (Table.ANSWERS, Table.SAMPLES, Table.QUERIES):
        rows = list(finished.store.rows(f"SELECT * FROM {table}"))
        assert rows, table
        for row in rows:
            total += row["generated_tokens"]
            assert row["engine_seconds"] >= 0
            assert row["model"] == str(finished.recipe.model)
            assert "max_tokens" in json.loads(row["sampling"])
    assert run["generated_tokens"] == total
    assert run["engine_seconds"] > 0
    assert json.loads(run["experiment"])["name"] == "small"


def test_report_is_one_page_with_its_pictures(finished: Run) -> None:
    (page,) = (finished.store.root / "reports" / finished.id).glob("*/index.html")
    assert finished.id in page.read_text()
    assert {path.name for path in page.parent.glob("*.png")} >= {
        "bar_chart.png",
        "reliability.png",
        "risk_coverage.png",
    }


def test_missing_confidences_follow_the_policy(again: Again) -> None:
    _, run = again("evaluate", "evaluate.missing=base_rate")
    rows = list(run.store.rows("SELECT * FROM metrics WHERE run = ?", [run.id]))
    assert rows
    for row in rows:
        assert row["n"] == row["questions"] - row["failed"]
        assert row["missing"] == "base_rate"


def test_judge_grades_the_same_answers_and_agreement_is_reported(again: Again) -> None:
    shown, run = again("grade", "grade.graders=[match, judge]")
    assert "match and judge" in shown
    rows = list(run.store.rows("SELECT grader, count(*) AS n FROM grades GROUP BY grader"))
    assert len(rows) == 2
    assert len({row["n"] for row in rows}) == 1
