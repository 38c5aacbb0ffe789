"""What is scored, and what is left alone."""

from __future__ import annotations

from pathlib import Path

from made_up_store import make_experiment, open_made_up, write_answers

from raycal.confidence.embedding import Embedder
from raycal.config import ZeroShot
from raycal.recipe import Query
from raycal.schemas import Table
from raycal.score import score_answers, scores_of


def test_a_confidence_that_is_still_missing_is_not_said_again(tmp_path: Path) -> None:
    run = open_made_up(make_experiment(tmp_path, 20))
    write_answers(run, str)
    embed = Embedder(run.experiment.embedding_model)
    assert score_answers(run, ZeroShot(), embed) == 20
    assert score_answers(run, ZeroShot(), embed) == 0
    answer = run.asked["answer_key"][3].as_py()
    query = {"key": run.recipe.query_key(Query.CORRECTNESS, answer), "answer_key": answer, "p_true": 0.7}
    run.store.write(Table.QUERIES, run.recipe.partitions[Table.QUERIES], [query])
    assert score_answers(run, ZeroShot(), embed) == 1
    assert scores_of(run, ZeroShot()) == {answer: 0.7}
