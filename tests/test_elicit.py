"""What is left to ask, decided from keys alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycal.config.engine import PromptStyle
from raycal.experiment.config import ElicitConfig, Samples
from raycal.experiment.pending import CompletedKeys, WorkItem, pending_work
from raycal.experiment.recipe import Recipe
from raycal.experiment.selection import select_questions
from raycal.inference.tasks import unless_written
from raycal.models.find import Model
from raycal.models.prompts import CONFIDENCE_PROMPTS, CORRECTNESS, FewShotExample, Phrasing
from raycal.questions.question import Split
from raycal.stages.elicit import Elicitor
from raycal.store.key_set import KEY, KeySet
from raycal.store.locations import Location
from raycal.store.schemas import SCHEMAS, Table
from raycal.store.store import Store

RECIPE = Recipe(
    Model("somewhere", "tiny", "1"),
    PromptStyle.AUTO,
    ElicitConfig(samples=Samples(k=3)),
    (CORRECTNESS, CONFIDENCE_PROMPTS[Phrasing.WORDS]),
    0,
    {},
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def questions(*ids: str) -> pa.Table:
    rows = [
        {"key": one, "dataset": "d", "split": "test", "subject": "s", "kind": "open", "question": one, "choices": []}
        for one in ids
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMAS[Table.QUESTIONS])


def left(store: Store, *ids: str, retry_errors: bool = False) -> list[WorkItem]:
    return picked(store, RECIPE, *ids, retry_errors=retry_errors)


def picked(
    store: Store, recipe: Recipe, *ids: str, split: Split = Split.TEST, retry_errors: bool = False
) -> list[WorkItem]:
    done = CompletedKeys.read(store, recipe, retry_errors=retry_errors)
    asked = select_questions(questions(*ids), [split], recipe)
    return [WorkItem(**row) for row in pending_work(asked, recipe, done).to_pylist()]


def write(store: Store, table: Table, **row: object) -> None:
    store.write(table, RECIPE.partitions[table], [row])


def write_everything(store: Store, question: str) -> None:
    answer = RECIPE.answer_key(question, "d", "open", "s")
    write(store, Table.ANSWERS, key=answer, text="Paris")
    for index in range(3):
        write(store, Table.SAMPLES, key=RECIPE.samples_key(question, "d", "open", "s"), index=index, text="Paris")
    for query in RECIPE.prompts:
        write(store, Table.QUERIES, key=RECIPE.query_key(query, answer), text="likely")


def test_an_empty_store_leaves_everything_and_a_full_one_nothing(store: Store) -> None:
    (work,) = left(store, "q")
    assert work.needs_answer
    assert work.first_sample == 0
    assert work.queries == ["correctness", "words"]
    write_everything(store, "q")
    assert left(store, "q") == []
    assert [one.question_id for one in left(store, "q", "other")] == ["other"]


def test_other_splits_are_never_asked(store: Store) -> None:
    assert picked(store, RECIPE, "q", split=Split.CALIBRATION) == []


def test_samples_count_up_to_the_first_gap(store: Store) -> None:
    for index in (0, 2):
        write(store, Table.SAMPLES, key=RECIPE.samples_key("q", "d", "open", "s"), index=index, text="x")
    (work,) = left(store, "q")
    assert work.first_sample == 1


def test_failed_rows_are_done_unless_they_are_to_be_retried(store: Store) -> None:
    write_everything(store, "q")
    write(store, Table.ANSWERS, key=RECIPE.answer_key("failed", "d", "open", "s"), error="too long")
    (work,) = left(store, "q", "failed")
    assert not work.needs_answer
    (work,) = left(store, "q", "failed", retry_errors=True)
    assert work.needs_answer


def test_a_repeated_batch_asks_only_what_its_predecessor_did_not_write(store: Store) -> None:
    task = Elicitor(RECIPE)
    batch = [vars(work) for work in left(store, "a", "b")]
    assert task.remaining(batch, store) == batch
    rows = [{"key": RECIPE.answer_key(one, "d", "open", "s"), "text": f"answer {one}"} for one in ("a", "b")]
    store.write(Table.ANSWERS, RECIPE.partitions[Table.ANSWERS], rows)
    again = [WorkItem(**row) for row in task.remaining(batch, store)]
    assert [one.needs_answer for one in again] == [False, False]
    assert [one.answer for one in again] == ["answer a", "answer b"]
    assert all(one.queries and one.first_sample == 0 for one in again)
    for table in (Table.SAMPLES, Table.QUERIES):
        keys = [key for row in batch for key in WorkItem(**row).expected_keys(table, RECIPE)]
        written = [{"key": key.split(":")[0], "index": int(key.split(":")[1] or -1)} for key in keys]
        if table is Table.QUERIES:
            written = [{"key": row["key"]} for row in written]
        store.write(table, RECIPE.partitions[table], written)
    assert task.remaining(batch, store) == []


def test_a_batch_that_failed_as_a_whole_is_asked_again_and_what_it_finished_is_not(store: Store) -> None:
    keys = [RECIPE.answer_key(one, "d", "open", "s") for one in ("a", "b")]
    batch = [vars(work) for work in left(store, "a", "b")]
    store.write(Table.ANSWERS, RECIPE.partitions[Table.ANSWERS], [{"key": key, "error": "too long"} for key in keys])
    assert Elicitor(RECIPE).remaining(batch, store) == batch
    rows = [{"key": keys[0], "error": "too long"}, {"key": keys[1], "text": "b"}]
    store.write(Table.ANSWERS, RECIPE.partitions[Table.ANSWERS], rows)
    again = [WorkItem(**row) for row in Elicitor(RECIPE).remaining(batch, store)]
    assert [(one.needs_answer, one.answer) for one in again] == [(True, None), (False, "b")]


def test_judged_rows_that_failed_are_judged_again_and_no_others(store: Store) -> None:
    work = [{"key": "a"}, {"key": "b"}]
    assert unless_written(Table.GRADES, "p", work, store) == work
    store.write(Table.GRADES, "p", [{"key": "a", "error": "too long"}, {"key": "b", "correct": True}])
    assert unless_written(Table.GRADES, "p", work, store) == [{"key": "a"}]


FINISHED, FAILED = ([RECIPE.answer_key(f"{name}{i}", "d", "open", "s") for i in range(50)] for name in "ab")


class Busy(Store):
    """A store that another run writes to whenever its answers have been listed and are about to be read."""

    def batches(self, query: str, table: Table, shards: Sequence[Location]) -> Iterator[pa.RecordBatch]:
        if table is Table.ANSWERS:
            self.write(table, RECIPE.partitions[table], [{"key": key, "text": "finished"} for key in FINISHED])
            self.write(table, RECIPE.partitions[table], [{"key": key, "error": "too long"} for key in FAILED])
        yield from super().batches(query, table, shards)


@pytest.mark.parametrize("retry_errors", [False, True])
def test_what_is_done_can_be_read_while_another_run_writes(tmp_path: Path, retry_errors: bool) -> None:
    store = Busy(tmp_path)
    assert len(CompletedKeys.read(store, RECIPE, retry_errors=retry_errors).answers) == 0
    rows = [{"key": key, "error": "too long"} for key in FINISHED]  # until they are listed
    store.write(Table.ANSWERS, RECIPE.partitions[Table.ANSWERS], rows)
    done = CompletedKeys.read(store, RECIPE, retry_errors=retry_errors)
    assert done.answers.has(FINISHED).all()
    assert len(done.answers) == (50 if retry_errors else 100)


def test_sample_counts_are_found_among_many(store: Store) -> None:
    keys = KeySet.sorting(np.array([bytes.fromhex(f"{i:032x}") for i in range(0, 1000, 3)], KEY))
    done = CompletedKeys(keys, keys, keys, np.arange(len(keys), dtype=np.int16))
    assert done.sample_counts([f"{i:032x}" for i in (0, 3, 4, 999)]).tolist() == [0, 1, 0, 333]


def test_splits_that_are_not_sampled_get_answers_alone(store: Store) -> None:
    config = RECIPE.config.model_copy(update={"sampled": (Split.CALIBRATION,)})
    recipe = replace(RECIPE, config=config)
    (work,) = picked(store, recipe, "a")
    assert work.needs_answer
    assert work.queries == []
    assert work.expected_keys(Table.SAMPLES, recipe) == []


def test_questions_that_are_shown_as_examples_are_not_asked(store: Store) -> None:
    (row,) = questions("a").to_pylist()
    group = (row["dataset"], row["kind"], row["subject"])
    recipe = replace(RECIPE, examples={group: (FewShotExample(row["question"], (), "Paris"),)})
    assert picked(store, recipe, "a") == []


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6)), max_size=20))
def test_samples_count_from_the_first_to_the_first_gap(written: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        store = Store(folder)
        keys = {name: RECIPE.samples_key(name, "d", "open", "s") for name in "ab"}
        for start in range(0, len(written), 4):
            rows = [{"key": keys[name], "index": index} for name, index in written[start : start + 4]]
            store.write(Table.SAMPLES, RECIPE.partitions[Table.SAMPLES], rows)
        done = CompletedKeys.read(store, RECIPE, retry_errors=False)
        for name, key in keys.items():
            there = {index for its, index in written if its == name}
            assert done.sample_counts([key]).tolist() == [next(n for n in range(8) if n not in there)]
