"""The stage that gives every answer a confidence by every method: what was elicited in, SCORES out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from raycal.confidence import Elicited, Embed, Sample, needed_pairs, score
from raycal.config import Equivalence, Method, Sampling, SemanticEntropy, Verbalized, ZeroShot
from raycal.judge_equivalence import judge_name, verdicts_of
from raycal.keys import digest
from raycal.recipe import Query
from raycal.run import Run
from raycal.schemas import Table

_CHUNK_ROWS = 4096
_VERSION = "1"  # part of a score's key: raise it whenever a method's arithmetic changes


def resolved(method: Method, run: Run) -> Method:
    """The method with nothing left open: k is the experiment's where the method names none."""
    if isinstance(method, Sampling | SemanticEntropy) and method.k is None:
        return method.model_copy(update={"k": run.experiment.elicit.samples.k})
    return method


def score_keys(run: Run, method: Method) -> pa.Table:
    """`run.asked` with the key of each question's score: of the method, its configuration and its evidence."""
    evidence = _evidence(run, method)
    config = resolved(method, run).model_dump_json()
    return run.keyed(lambda row: digest("score", _VERSION, config, row["answer_key"], *evidence(row)))


def _evidence(run: Run, method: Method) -> Callable[[dict[str, str]], Sequence[str]]:
    recipe = run.recipe
    if isinstance(method, ZeroShot):
        return lambda row: [recipe.query_key(Query.CORRECTNESS, row["answer_key"])]
    if isinstance(method, Verbalized):
        query = Query(method.phrasing.value)
        return lambda row: [recipe.query_key(query, row["answer_key"])]
    if isinstance(method, Sampling | SemanticEntropy):
        judge = {
            Equivalence.JUDGE: judge_name(run),
            Equivalence.EMBEDDING: run.experiment.embedding_model,
        }.get(method.equivalence, "")
        return lambda row: [row["samples_key"], judge]
    return lambda row: []


def score_answers(run: Run, method: Method, embed: Embed) -> int:
    """Score the answers that have no confidence by this method yet; returns how many that were.

    An answer without a confidence gets a row with the reason, and is tried again the next time.
    """
    method = resolved(method, run)
    partition = _partition(method)
    todo = elicited(run, score_keys(run, method), run.store.shards(Table.SCORES, partition))
    scored = 0
    while chunk := list(islice(todo, _CHUNK_ROWS)):
        confidences = score(method, [one for _, one in chunk], embed=embed)
        rows = [
            {
                "key": row["key"],
                "answer_key": row["answer_key"],
                "question_id": row["question_id"],
                "method": method.method,
                "config": method.model_dump_json(),
                "confidence": confidence.value,
                "reason": confidence.reason,
            }
            for (row, _), confidence in zip(chunk, confidences, strict=True)
        ]
        run.store.write(Table.SCORES, partition, rows)
        scored += len(rows)
    return scored


def pairs_to_judge(run: Run, method: Method) -> list[tuple[str, str, frozenset[str]]]:
    """The pairs of answers (question id, question, pair) that the method lacks a verdict on."""
    method = resolved(method, run)
    if not isinstance(method, Sampling | SemanticEntropy) or method.equivalence is not Equivalence.JUDGE:
        return []
    rows = elicited(run, score_keys(run, method), [])
    return [
        (one.question_id, one.question, pair)
        for _, one in rows
        for pair in sorted(needed_pairs(method, one), key=sorted)
    ]


def scores_of(run: Run, method: Method) -> dict[str, float]:
    """A method's confidences by answer key, those that are missing left out."""
    shards = {Table.SCORES: run.store.shards(Table.SCORES, _partition(resolved(method, run)))}
    query = "SELECT asked.answer_key, confidence FROM asked JOIN scores ON scores.key = asked.key"
    rows = run.store.rows(query, shards=shards, extra={"asked": score_keys(run, method)})
    return {row["answer_key"]: row["confidence"] for row in rows if row["confidence"] is not None}


def _partition(method: Method) -> str:
    return f"{method.method}-{digest(method.model_dump_json())[:12]}"


def elicited(run: Run, keys: pa.Table, score_shards: Sequence[Path]) -> Iterator[tuple[dict[str, Any], Elicited]]:
    """What the store holds about each answered question whose key has no confidence in some shards of SCORES."""
    recipe = run.recipe
    for query in recipe.queries:
        query_keys = [recipe.query_key(query, key) for key in keys["answer_key"].to_pylist()]
        keys = keys.append_column(f"{query}_key", pa.array(query_keys, pa.string()))
    shards = run.shards | {Table.SCORES: score_shards}
    judged = verdicts_of(run)
    for row in run.store.rows(_elicited_query(recipe.queries), shards=shards, extra={"asked": keys}):
        yield (
            row,
            Elicited(
                question_id=row["question_id"],
                question=row["question"],
                answer=row["answer"],
                mean_logprob=row["mean_logprob"],
                samples=tuple(Sample(**sample) for sample in row["samples"] or ()),
                p_true=row.get("correctness_p"),
                stated={
                    q.phrasing: row[f"{q}_text"] for q in recipe.queries if q.phrasing and row[f"{q}_text"] is not None
                },
                verdicts=judged.get(row["question_id"], {}),
            ),
        )


def _elicited_query(queries: Sequence[Query]) -> str:
    columns = "".join(f", {q}.p_true AS {q}_p, {q}.text AS {q}_text" for q in queries)
    joins = "".join(f" LEFT JOIN told AS {q} ON {q}.key = asked.{q}_key" for q in queries)
    return f"""
        WITH told AS (SELECT key, p_true, text FROM queries WHERE error IS NULL),
             drawn AS (
                 SELECT key, list({{'index': index, 'text': text, 'mean_logprob': list_avg(logprobs),
                                    'finish_reason': finish_reason}} ORDER BY index) AS samples
                 FROM samples WHERE text IS NOT NULL GROUP BY key)
        SELECT asked.key, asked.answer_key, asked.question_id, questions.question, answers.text AS answer,
               list_avg(answers.logprobs) AS mean_logprob, drawn.samples{columns}
        FROM asked
        JOIN answers ON answers.key = asked.answer_key
        JOIN questions ON questions.key = asked.question_id
        LEFT JOIN drawn ON drawn.key = asked.samples_key{joins}
        WHERE answers.error IS NULL
          AND asked.key NOT IN (SELECT key FROM scores WHERE confidence IS NOT NULL)
        ORDER BY asked.key
    """
