"""The questions that an experiment asks: those of its splits, without those that it shows as examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from raycal.experiment.recipe import Recipe
from raycal.questions.question import Split
from raycal.store.key_set import GrowingKeySet
from raycal.store.keys import digest

QUESTION_COLUMNS = ("key", "dataset", "kind", "split", "subject", "question", "choices")
WITH_ANSWERS = (*QUESTION_COLUMNS, "answers")
IDENTITY = ("key", "dataset", "kind", "subject")  # what a question's keys follow from

_ASKED = pa.schema(
    [
        ("question_id", pa.string()),
        ("dataset", pa.string()),  # its name and the kind of its questions
        ("split", pa.string()),
        ("subject", pa.string()),
        ("answer_key", pa.string()),
        ("samples_key", pa.string()),
        ("accepted", pa.string()),  # a hash of the accepted answers and the choices
    ]
)


def select_questions(questions: pa.Table, splits: Sequence[Split], recipe: Recipe) -> pa.Table:
    """The questions of a block (QUESTION_COLUMNS) that are in the splits, but for those shown as examples."""
    rows = cells(questions, "split", "dataset", "kind", "subject", "question")
    asked = [split in splits and not recipe.is_shown(*what) for split, *what in rows]
    return questions.filter(pa.array(asked, pa.bool_()))


def dedupe(blocks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Blocks of questions without those that stand in an earlier one: a question may be in two sources."""
    seen = GrowingKeySet()
    for block in blocks:
        yield block.filter(pa.array(seen.add(block["key"].to_pylist())))


def asked_table(asked: Iterable[pa.Table], recipe: Recipe) -> pa.Table:
    """Blocks (WITH_ANSWERS) as one row a question, with the keys of all that is said about it (columns of `_ASKED`)."""
    blocks = []
    for block in asked:
        identities = list(cells(block, *IDENTITY))
        lists = zip(block["answers"].to_pylist(), block["choices"].to_pylist(), strict=True)
        columns = {
            "question_id": block["key"].cast(pa.string()),
            "dataset": [f"{dataset} ({kind})" for dataset, kind in cells(block, "dataset", "kind")],
            "split": block["split"].cast(pa.string()),
            "subject": block["subject"].cast(pa.string()),
            "answer_key": [recipe.answer_key(*identity) for identity in identities],
            "samples_key": [recipe.samples_key(*identity) for identity in identities],
            "accepted": [digest(*answers, "choices", *choices) for answers, choices in lists],
        }
        blocks.append(pa.table(columns, schema=_ASKED))
    return pa.concat_tables([_ASKED.empty_table(), *blocks])


def cells(rows: pa.Table, *columns: str) -> Iterator[tuple[str, ...]]:
    """Some columns, row by row; by way of numpy, as Arrow's own way makes an object a cell in between."""
    return zip(*(rows[name].cast(pa.string()).to_numpy().tolist() for name in columns), strict=True)
