"""What is scored, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_up_store import make_experiment, make_run, open_made_up, write_answers, write_scores

from raycal.experiment.record import record_run
from raycal.methods.recalibrated import Recalibrated
from raycal.methods.zero_shot import ZeroShot
from raycal.models.embeddings import Embedder
from raycal.models.prompts import CORRECTNESS
from raycal.report.assemble import NotEvaluatedError, results_of
from raycal.stages.evaluate import evaluate_run
from raycal.stages.score import score_answers, scores_of
from raycal.store.schemas import Table


def test_a_confidence_that_is_still_missing_is_not_said_again(tmp_path: Path) -> None:
    run = open_made_up(make_experiment(tmp_path, 20))
    write_answers(run, str)
    embed = Embedder(run.experiment.embedding_model)
    assert score_answers(run, ZeroShot(), embed) == 20
    assert score_answers(run, ZeroShot(), embed) == 0
    answer = run.asked["answer_key"][3].as_py()
    query = {"key": run.recipe.query_key(CORRECTNESS, answer), "answer_key": answer, "p_true": 0.7}
    run.store.write(Table.QUERIES, run.recipe.partitions[Table.QUERIES], [query])
    assert score_answers(run, ZeroShot(), embed) == 1
    assert scores_of(run, ZeroShot()) == {answer: 0.7}


def test_what_is_fitted_is_fitted_again_where_what_it_builds_on_is_there_at_last(tmp_path: Path) -> None:
    _, run = make_run(tmp_path)
    embed = Embedder(run.experiment.embedding_model)
    method = Recalibrated(of=ZeroShot())

    def confidences(p_true: Callable[[str], float | None]) -> dict[str, float]:
        write_scores(run, p_true)
        score_answers(run, method, embed)
        return scores_of(run, method)

    some = confidences(lambda key: int(key[:4], 16) / 16**4 if key < "8" else None)
    late = confidences(lambda key: int(key[:4], 16) / 16**4)
    assert some.keys() < late.keys()
    (tmp_path / "fresh").mkdir()
    _, fresh = make_run(tmp_path / "fresh")
    write_scores(fresh, lambda key: int(key[:4], 16) / 16**4)
    score_answers(fresh, method, embed)
    assert late == scores_of(fresh, method)


def test_a_method_may_get_another_name(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path)
    methods = "methods=[{method: zero_shot}, {method: recalibrated, of: {method: zero_shot}}]"
    run = open_made_up(path, methods)
    write_scores(run, lambda key: int(key[:4], 16) / 16**4)
    for method in run.experiment.methods:
        score_answers(run, method, Embedder(run.experiment.embedding_model))
    evaluate_run(run)
    renamed = open_made_up(path, methods, "methods.0.name=yes or no")
    assert renamed.id == run.id
    with pytest.raises(NotEvaluatedError, match="evaluate it"):
        results_of(renamed)
    evaluate_run(renamed)
    record_run(renamed, {})
    (results,) = results_of(renamed)
    labels = {method.label for method in results.methods}
    assert "yes or no" in labels
    assert {row["method"] for row in run.store.rows("SELECT method FROM metrics")} == {
        method.label for method in renamed.experiment.methods
    }
    assert {comparison.baseline for comparison in results.comparisons} <= labels
    assert results.comparisons
