"""The evidence about each answered question, put together from the tables for a method: see `Needs`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycal.errors import RaycalError
from raycal.experiment.run import Run
from raycal.methods.base import Method, Needs
from raycal.methods.evidence import Equivalence, Evidence, Pair, Reply, SampledAnswer
from raycal.models.prompts import FollowUp
from raycal.stages.features import features_of
from raycal.stages.judges import verdicts_of
from raycal.stages.tuned_query import tuned_replies
from raycal.store.locations import Location
from raycal.store.schemas import Table

Row = dict[str, Any]
Embed = Callable[[list[str]], NDArray[np.float32]]  # n texts -> (n, d), rows of unit length
# A method's confidences by answer key, those that are missing left out.
ScoresOf = Callable[[Method], Mapping[str, float]]


class NoStatesError(RaycalError, ValueError):
    """No hidden states have been read that a method needs."""


@dataclass(frozen=True)
class Lookups:
    """What is read once for all answers, by answer key; verdicts by question."""

    states: Mapping[str, NDArray[np.float32]]
    tuned: Mapping[str, Reply]
    bases: Sequence[Mapping[str, float]]
    verdicts: Mapping[str, Mapping[Pair, bool | None]]

    @classmethod
    def read(cls, run: Run, needs: Needs, scores_of: ScoresOf) -> Lookups:
        """Read what a method needs. Raises NoStatesError, and as `tuned_query` does."""
        states = features_of(run, needs.states) if needs.states is not None else {}
        if needs.states is not None and not states:
            raise NoStatesError(
                f"there are no hidden states of layer {needs.states.layer}: run the features stage first"
            )
        return cls(
            states=states,
            tuned=tuned_replies(run, needs.tuned) if needs.tuned is not None else {},
            bases=[scores_of(base) for base in needs.bases],
            verdicts=verdicts_of(run) if needs.equivalence is Equivalence.JUDGE else {},
        )

    def about(self, answer_key: str, question_id: str) -> dict[str, Any]:
        """The fields of Evidence that are looked up."""
        return {
            "state": self.states.get(answer_key),
            "tuned": self.tuned.get(answer_key),
            "bases": tuple(base.get(answer_key) for base in self.bases),
            "verdicts": self.verdicts.get(question_id, {}),
        }


def evidence_about(
    run: Run, needs: Needs, keys: pa.Table, lookups: Lookups, *, but_scored_in: Sequence[Location] = ()
) -> Iterator[tuple[Row, Evidence]]:
    """Rows of `keys` (see `Run.keyed`) that have an answer, with what is known about it, in the order of their keys.

    but_scored_in: shards of SCORES; rows whose key has a confidence there are left out. Only what is needed is read.
    """
    for number, prompt in enumerate(needs.prompts):
        query_keys = [run.recipe.query_key(prompt, key) for key in keys["answer_key"].to_pylist()]
        keys = keys.append_column(f"query_{number}_key", pa.array(query_keys, pa.string()))
    shards = run.shards | {Table.SCORES: list(but_scored_in)}
    for row in run.store.rows(_query(needs), shards=shards, extra={"asked": keys}):
        yield (
            row,
            Evidence(
                question_id=row["question_id"],
                question=row["question"],
                answer=row["answer"],
                choices=tuple(row["choices"] or ()),
                mean_logprob=row["mean_logprob"],
                samples=tuple(SampledAnswer(**sample) for sample in row.get("samples") or ()),
                replies={
                    prompt.name: reply
                    for number, prompt in enumerate(needs.prompts)
                    if (reply := _reply(row, number, prompt)) is not None
                },
                **lookups.about(row["answer_key"], row["question_id"]),
            ),
        )


def has_any(needs: Needs, row: Evidence) -> bool:
    """Whether there is anything of what is fitted on or was trained for: other answers the method is not for."""
    return (
        (needs.states is None or row.state is not None)
        and (needs.tuned is None or row.tuned is not None)
        and (not needs.bases or any(base is not None for base in row.bases))
    )


def with_vectors(method: Method, rows: Sequence[Evidence], embed: Embed) -> Sequence[Evidence]:
    """The rows with the embeddings of the texts that the method compares, where it compares embeddings."""
    if method.needs().equivalence is not Equivalence.EMBEDDING:
        return rows
    texts = sorted({text for row in rows for pair in method.compared_pairs(row) for text in pair})
    vectors = dict(zip(texts, embed(texts), strict=True)) if texts else {}
    return [replace(row, vectors=vectors) for row in rows]


def _reply(row: Row, number: int, prompt: FollowUp) -> Reply | None:
    text, p = row[f"query_{number}_text"], row[f"query_{number}_p"]
    return None if text is None and p is None else Reply(text=text, p=p)


def _query(needs: Needs) -> str:
    columns = joins = ""
    for number in range(len(needs.prompts)):
        name = f"query_{number}"
        columns += f", {name}.p_true AS {name}_p, {name}.text AS {name}_text"
        joins += f" LEFT JOIN replies AS {name} ON {name}.key = asked.{name}_key"
    if needs.samples:
        columns += ", drawn.samples"
        joins += " LEFT JOIN drawn ON drawn.key = asked.samples_key"
    return f"""
        WITH replies AS (SELECT key, p_true, text FROM queries WHERE error IS NULL),
             drawn AS (
                 SELECT key, list({{'index': index, 'text': text, 'mean_logprob': list_avg(logprobs),
                                    'finish_reason': finish_reason}} ORDER BY index) AS samples
                 FROM samples WHERE text IS NOT NULL GROUP BY key)
        SELECT asked.key, asked.answer_key, asked.question_id, asked.split, questions.question, questions.choices,
               answers.text AS answer, list_avg(answers.logprobs) AS mean_logprob{columns}
        FROM asked
        JOIN answers ON answers.key = asked.answer_key
        JOIN questions ON questions.key = asked.question_id{joins}
        WHERE answers.error IS NULL AND asked.key NOT IN (SELECT key FROM scores WHERE confidence IS NOT NULL)
        ORDER BY asked.key
    """
