"""The stage that gives every answer a confidence by every method: what was elicited in, SCORES out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from raycal.experiment.run import Run
from raycal.methods.base import METHOD, FittedMethod, Method, Needs, SavedMethod, ScoredMethod, in_dependency_order
from raycal.methods.evidence import Confidence, Equivalence, probability
from raycal.stages.answers import graded_keys, grades_digest
from raycal.stages.artifacts import artifact_fingerprint
from raycal.stages.evidence import Embed, Lookups, evidence_about, has_any, with_vectors
from raycal.stages.features import feature_reader
from raycal.stages.fitted import fitted_predictor
from raycal.stages.grade import answered_keys, grade_shards
from raycal.stages.judges import judge_name
from raycal.stages.tuned_query import tuned_query
from raycal.store.keys import digest
from raycal.store.locations import Location
from raycal.store.schemas import Table

Row = dict[str, Any]
KeyPart = Callable[[Row], str]
_CHUNK_ROWS = 4096


def resolved(method: Method, run: Run) -> Method:
    """The method with nothing left open: k is the experiment's where the method names none."""
    return method.resolved(run.experiment.elicit.samples.k)


def score_keys(run: Run, method: Method) -> pa.Table:
    """`run.asked` with the key of each question's score: of the method with its options, and of all that it needs."""
    method = resolved(method, run)
    identity = method.identity()

    def keys() -> pa.Table:
        parts = [*_elicited_parts(run, method.needs()), *_fitted_parts(run, method)]
        return run.keyed(lambda row: digest("score", identity, row["answer_key"], *(part(row) for part in parts)))

    return run.index.get(("score keys", identity), _decisive_shards(run, method), keys)


def _decisive_shards(run: Run, method: Method) -> list[Location]:
    """The shards that a score's keys follow from, beside the options: of what the method is fitted on and builds on."""
    needs = method.needs()
    shards: list[Location] = []
    if needs.fit is not None or needs.tuned is not None:
        shards += [*run.shards[Table.ANSWERS], *grade_shards(run, run.experiment.grade.graders[0])]
    for base in in_dependency_order([method])[:-1]:
        shards += run.store.shards(Table.SCORES, _partition(resolved(base, run)))
    return shards


def _elicited_parts(run: Run, needs: Needs) -> Iterator[KeyPart]:
    """The parts of a score's key that name what was elicited about the answer, or read of it."""
    for prompt in needs.prompts:
        yield lambda row, prompt=prompt: run.recipe.query_key(prompt, row["answer_key"])  # type: ignore[misc]
    if needs.samples:
        comparer = {
            Equivalence.JUDGE: judge_name(run),
            Equivalence.EMBEDDING: run.experiment.embedding_model,
        }.get(needs.equivalence or Equivalence.EXACT, "")
        yield lambda row: row["samples_key"]
        yield lambda row: comparer
    if needs.tuned is not None:
        query = tuned_query(run, needs.tuned)
        yield lambda row: query.key(row["answer_key"])
    if needs.states is not None:
        reader, layer = feature_reader(run, needs.states), needs.states.layer
        yield lambda row: reader.key(row["answer_key"], layer)


def _fitted_parts(run: Run, method: Method) -> Iterator[KeyPart]:
    """The parts that name what the method builds on, and what it is fitted on."""
    needs = method.needs()
    bases = [_keys_by_answer(run, base) for base in needs.bases]
    for base in bases:
        yield lambda row, base=base: base.get(row["answer_key"], "")  # type: ignore[misc]
    if isinstance(method, SavedMethod) and method.artifact is not None:
        fingerprint = artifact_fingerprint(method, method.artifact)
        yield lambda row: fingerprint
    if needs.fit is not None:
        rows = graded_keys(run, needs.fit.on)
        learned = bases if needs.fit.target is None else [*bases, _keys_by_answer(run, needs.fit.target)]
        used = [sorted(base[row.answer_key] for row in rows if row.answer_key in base) for base in learned]
        digests = [grades_digest(rows), *(digest(*keys) for keys in used)]
        for constant in [*digests, str(run.experiment.seed)] if needs.fit.seeded else digests:
            yield lambda row, constant=constant: constant  # type: ignore[misc]


def score_answers(run: Run, method: Method, embed: Embed) -> int:
    """Score the answers that have no confidence by this method yet; returns for how many there was anything new to say.

    An answer without a confidence gets a row with the reason, and is tried again the next time. What the method builds
    on must have been scored before. Raises as `fitted_predictor` does.
    """
    method = resolved(method, run)
    partition = _partition(method)
    known = _stored_scores(run, method)
    scored = 0
    for row_chunk, confidences in _confidences(run, method, known, embed):
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
            if confidence.value is not None or known.get(row["key"]) != confidence
        ]
        run.store.write(Table.SCORES, partition, rows)
        scored += len(rows)
    return scored


def _confidences(
    run: Run, method: Method, known: Mapping[str, Confidence], embed: Embed
) -> Iterator[tuple[Sequence[Row], Sequence[Confidence]]]:
    """The rows that have no confidence yet, with what the method says of each, in chunks.

    known: what the store has, by the score's key. A method is fitted once; what it is not for is left out.
    """
    keys, answered = score_keys(run, method), answered_keys(run)
    left = [
        answer_key in answered and (key not in known or known[key].value is None)
        for key, answer_key in zip(keys["key"].to_pylist(), keys["answer_key"].to_pylist(), strict=True)
    ]
    if not any(left):
        return
    needs = method.needs()
    lookups = Lookups.read(run, needs, lambda base: scores_of(run, base))
    todo = evidence_about(run, needs, keys.filter(pa.array(left)), lookups)
    todo = ((row, evidence) for row, evidence in todo if has_any(needs, evidence))
    predictor = None
    while chunk := list(islice(todo, _CHUNK_ROWS)):
        rows, evidence = [row for row, _ in chunk], [evidence for _, evidence in chunk]
        match method:
            case ScoredMethod():
                yield rows, [method.score(row) for row in with_vectors(method, evidence, embed)]
            case FittedMethod():
                predictor = predictor or fitted_predictor(run, method, lookups, lambda base: scores_of(run, base))
                p = predictor.predict(with_vectors(method, evidence, embed)).tolist()
                yield rows, [probability(value, "what was fitted says") for value in p]
            case _:
                raise TypeError(f"{type(method).__name__} is neither a ScoredMethod nor a FittedMethod")


def pairs_to_judge(run: Run, method: Method) -> list[tuple[str, str, frozenset[str]]]:
    """The pairs of answers (question id, question, pair) that the method lacks a verdict on.

    A pair that a judge left undecided is not judged again.
    """
    method = resolved(method, run)
    needs = method.needs()
    if needs.equivalence is not Equivalence.JUDGE:
        return []
    lookups = Lookups.read(run, needs, lambda base: scores_of(run, base))
    return [
        (evidence.question_id, evidence.question, pair)
        for _, evidence in evidence_about(run, needs, score_keys(run, method), lookups)
        for pair in sorted(method.compared_pairs(evidence) - evidence.verdicts.keys(), key=sorted)
    ]


def scores_of(run: Run, method: Method) -> dict[str, float]:
    """A method's confidences by answer key, those that are missing left out."""
    return {answer_key: value for answer_key, _, value in _confident(run, method)}


def _keys_by_answer(run: Run, method: Method) -> dict[str, str]:
    """The keys of a method's scores, but for those without a confidence, which may get one yet."""
    return {answer_key: key for answer_key, key, _ in _confident(run, method)}


def _confident(run: Run, method: Method) -> Iterator[tuple[str, str, float]]:
    """The answer's key, the score's key and the confidence of each answer that has one."""
    keys, known = score_keys(run, method), _stored_scores(run, resolved(method, run))
    for answer_key, key in zip(keys["answer_key"].to_pylist(), keys["key"].to_pylist(), strict=True):
        value = known[key].value if key in known else None
        if value is not None:
            yield answer_key, key, value


def _stored_scores(run: Run, method: Method) -> Mapping[str, Confidence]:
    """What the store has by a method, by the score's key; read with those by the experiment's other methods."""
    partition = _partition(method)
    shards = run.store.shards(Table.SCORES, partition)

    def read() -> dict[str, Confidence]:
        others = {_partition(resolved(other, run)) for other in run.experiment.methods} - {partition}
        missing = {name: run.store.shards(Table.SCORES, name) for name in others if not run.index.has(("scores", name))}
        scores: dict[str, dict[str, Confidence]] = {name: {} for name in (partition, *missing)}
        every_shard = [*shards, *chain.from_iterable(missing.values())]
        query = "SELECT key, confidence, reason, config FROM scores"
        for row in run.store.rows(query, shards={Table.SCORES: every_shard}):
            name = _partition(method_of(row["config"]))
            scores.setdefault(name, {})[row["key"]] = Confidence(row["confidence"], row["reason"])
        for name, listed in missing.items():
            run.index.get(("scores", name), listed, partial(scores.__getitem__, name))
        return scores[partition]

    method_of = cache(METHOD.validate_json)
    return run.index.get(("scores", partition), shards, read) if shards else {}


def _partition(method: Method) -> str:
    return f"{method.method}-{digest(method.identity())[:12]}"
