"""The stage that gives every answer a confidence by every method: what was elicited in, SCORES out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from raycal.experiment.recipe import Query
from raycal.experiment.run import Run
from raycal.methods import Confidence, Embed, Evidence, SampledAnswer, needed_pairs, score
from raycal.methods.options import (
    Classifier,
    Combined,
    Equivalence,
    FineTuned,
    Method,
    Recalibrated,
    Sampling,
    SemanticEntropy,
    Verbalized,
    ZeroShot,
    builds_on,
)
from raycal.questions.question import Split
from raycal.stages.answers import evidence, graded
from raycal.stages.artifacts import fitted_fingerprint
from raycal.stages.features import feature_reader
from raycal.stages.fitted import Fitted, fitted_confidences
from raycal.stages.judges import judge_name, verdicts_of
from raycal.stages.tuned_query import tuned_query
from raycal.store.keys import digest
from raycal.store.locations import Location
from raycal.store.schemas import Table

Row = dict[str, Any]
_CHUNK_ROWS = 4096


def resolved(method: Method, run: Run) -> Method:
    """The method with nothing left open: k is the experiment's where the method names none."""
    k = run.experiment.elicit.samples.k
    match method:
        case Sampling() | SemanticEntropy():
            return method if method.k is not None else method.model_copy(update={"k": k})
        case Classifier():
            return method.model_copy(update={"entropy": resolved(method.entropy, run)})
        case Recalibrated():
            return method.model_copy(update={"of": resolved(method.of, run)})
        case Combined():
            return method.model_copy(update={"of": tuple(resolved(one, run) for one in method.of)})
        case _:
            return method


def score_keys(run: Run, method: Method) -> pa.Table:
    """`run.asked` with the key of each question's score: of the method, its configuration and its evidence."""
    method = resolved(method, run)
    evidence = score_inputs(run, method)
    identity = method.identity()
    return run.keyed(lambda row: digest("score", identity, row["answer_key"], *evidence(row)))


def score_inputs(run: Run, method: Method) -> Callable[[dict[str, str]], Sequence[str]]:
    """What a score follows from, beside the method: what was elicited, and what the method is fitted on."""
    recipe = run.recipe
    match method:
        case ZeroShot():
            return lambda row: [recipe.query_key(Query.CORRECTNESS, row["answer_key"])]
        case Verbalized():
            query = Query(method.phrasing.value)
            return lambda row: [recipe.query_key(query, row["answer_key"])]
        case Sampling() | SemanticEntropy():
            judge = {
                Equivalence.JUDGE: judge_name(run),
                Equivalence.EMBEDDING: run.experiment.embedding_model,
            }.get(method.equivalence, "")
            return lambda row: [row["samples_key"], judge]
        case Classifier() | FineTuned() | Recalibrated() | Combined():
            return _fitted_evidence(run, method)
        case _:
            return lambda row: []


def _fitted_evidence(run: Run, method: Fitted) -> Callable[[dict[str, str]], Sequence[str]]:
    match method:
        case FineTuned():
            tuned = tuned_query(run, method)
            return lambda row: [tuned.key(row["answer_key"])]
        case Classifier():
            reader = feature_reader(run, method)
            if method.fitted is not None:
                fitted = [fitted_fingerprint(method, method.fitted)]
            else:
                bases = [_keys_by_answer(run, one) for one in builds_on(method)]
                fitted = [*_fitted_on(run, Split.TRAIN, bases), str(run.experiment.seed)]
            return lambda row: [reader.key(row["answer_key"], method.layer), *fitted]
        case Recalibrated() | Combined():
            bases = [_keys_by_answer(run, one) for one in builds_on(method)]
            fitted = _fitted_on(run, Split.CALIBRATION, bases)
            return lambda row: [*(keys.get(row["answer_key"], "") for keys in bases), *fitted]


def _fitted_on(run: Run, split: Split, bases: Sequence[Mapping[str, str]]) -> list[str]:
    """Hashes of a split's grades, and of the scores there that a method builds on."""
    rows = graded(run, split)
    used = [sorted(base[row.answer_key] for row in rows if row.answer_key in base) for base in bases]
    return [evidence(rows), *(digest(*some) for some in used)]


def _keys_by_answer(run: Run, method: Method) -> dict[str, str]:
    """The keys of a method's scores, but for those without a confidence, which may get one yet."""
    return {row["answer_key"]: row["key"] for row in _confident(run, method)}


def score_answers(run: Run, method: Method, embed: Embed) -> int:
    """Score the answers that have no confidence by this method yet; returns for how many there was anything new to say.

    An answer without a confidence gets a row with the reason, and is tried again the next time. What the method builds
    on must have been scored before. Raises as `fitted_confidences` does.
    """
    method = resolved(method, run)
    partition = _partition(method)
    shards = run.store.shards(Table.SCORES, partition)
    missing = run.store.rows("SELECT key, reason FROM scores WHERE confidence IS NULL", shards={Table.SCORES: shards})
    reasons = {row["key"]: row["reason"] for row in missing}
    todo = elicited(run, score_keys(run, method), shards)
    scored = 0
    for row_chunk, confidences in _scored(run, method, todo, embed):
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
            for row, confidence in zip(row_chunk, confidences, strict=True)
            if confidence.value is not None or reasons.get(row["key"]) != confidence.reason
        ]
        run.store.write(Table.SCORES, partition, rows)
        scored += len(rows)
    return scored


def _scored(
    run: Run, method: Method, todo: Iterator[tuple[Row, Evidence]], embed: Embed
) -> Iterator[tuple[Sequence[Row], Sequence[Confidence]]]:
    """Rows with their confidences, in chunks. A fitted method is fitted once, and leaves out what it is not for."""
    found: Mapping[str, Confidence] | None = None
    while chunk := list(islice(todo, _CHUNK_ROWS)):
        rows = [row for row, _ in chunk]
        if isinstance(method, Fitted):
            found = found or fitted_confidences(run, method, lambda base: scores_of(run, base))
            rows = [row for row in rows if row["answer_key"] in found]
            yield rows, [found[row["answer_key"]] for row in rows]
        else:
            yield rows, score(method, [one for _, one in chunk], embed=embed)


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
    return {row["answer_key"]: row["confidence"] for row in _confident(run, method)}


def _confident(run: Run, method: Method) -> Iterator[Row]:
    shards = {Table.SCORES: run.store.shards(Table.SCORES, _partition(resolved(method, run)))}
    query = """
        SELECT asked.key, asked.answer_key, confidence FROM asked JOIN scores ON scores.key = asked.key
        WHERE confidence IS NOT NULL
    """
    return run.store.rows(query, shards=shards, extra={"asked": score_keys(run, method)})


def _partition(method: Method) -> str:
    return f"{method.method}-{digest(method.identity())[:12]}"


def elicited(run: Run, keys: pa.Table, score_shards: Sequence[Location]) -> Iterator[tuple[dict[str, Any], Evidence]]:
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
            Evidence(
                question_id=row["question_id"],
                question=row["question"],
                answer=row["answer"],
                mean_logprob=row["mean_logprob"],
                samples=tuple(SampledAnswer(**sample) for sample in row["samples"] or ()),
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
