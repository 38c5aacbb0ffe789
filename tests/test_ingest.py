"""Files are read once, and again when they are others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raycal.experiment.ingest import QuestionSet, ingest
from raycal.questions.question import Kind, Split
from raycal.questions.sources.file import QuestionFile
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.store.locations import Location
from raycal.store.schemas import Table
from raycal.store.store import Store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    rows = [json.dumps({"question": f"What is {n} + 1?", "answer": str(n + 1)}) for n in range(3000)]
    path.write_text("\n".join([*rows, "{broken", rows[7]]) + "\n")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def read(file: Path, store: Store, few_shot: int = 2) -> QuestionSet:
    return ingest([QuestionFile(source="file", path=file)], list(Split), few_shot, store)


def files(store: Store) -> dict[Location, int]:
    """The store's files and when each was written: reading a source writes its questions."""
    return {path: path.stat().st_mtime_ns for path in store.root.rglob("*.parquet")}


def test_a_file_that_is_there_is_not_read_again(file: Path, store: Store) -> None:
    first = read(file, store)
    assert first.questions == 3000
    assert first.bad_rows == 2
    assert first.first_bad is not None
    assert "sums.jsonl:3001" in first.first_bad
    assert [len(some) for some in first.examples.values()] == [2]
    before = files(store)
    assert read(file, store) == first
    assert files(store) == before


def answers(found: QuestionSet, store: Store) -> dict[str, str]:
    rows = store.rows("SELECT question, answers FROM questions", shards={Table.QUESTIONS: found.shards})
    return {row["question"]: row["answers"][0] for row in rows}


def test_a_file_says_what_it_says_now_and_so_does_one_that_is_changed_back(file: Path, store: Store) -> None:
    original = file.read_text()
    for answer in ("6", "7", "6"):
        file.write_text(original.replace('"What is 5 + 1?", "answer": "6"', f'"What is 5 + 1?", "answer": "{answer}"'))
        found = read(file, store)
        assert found.questions == 3000
        assert answers(found, store)["What is 5 + 1?"] == answer


def test_a_file_is_read_again_where_a_shard_is_lost(file: Path, store: Store) -> None:
    first = read(file, store)
    first.shards[1].unlink()
    assert read(file, store) == first
    assert store.shards(Table.QUESTIONS) == sorted(first.shards)


def test_more_examples_are_found_in_the_file(file: Path, store: Store) -> None:
    two, three = read(file, store), read(file, store, few_shot=3)
    assert {group: some[:2] for group, some in three.examples.items()} == two.examples
    assert [len(some) for some in three.examples.values()] == [3]


def test_examples_are_of_the_questions_own_kind(store: Store) -> None:
    sources = [WorldFacts(kind=kind, limit=400) for kind in Kind]
    shown = ingest(sources, list(Split), 4, store).examples
    examples = [(kind, example) for (_, kind, _), group in shown.items() for example in group]
    assert {kind for kind, _ in examples} == set(Kind)
    assert all(bool(example.choices) == (kind == Kind.CHOICE) for kind, example in examples)
