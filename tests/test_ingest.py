"""Files are read once, and again when they are others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raycal import ingest as module
from raycal.config import QuestionFile
from raycal.ingest import QuestionSet, ingest
from raycal.questions.question import Split
from raycal.schemas import Table
from raycal.store import Store


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


def refuse(*_: object) -> None:
    raise AssertionError("the file is read again")


def test_a_file_that_is_there_is_not_read_again(file: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(file, store)
    assert first.questions == 3000
    assert first.bad_rows == 2
    assert first.first_bad is not None
    assert "sums.jsonl:3001" in first.first_bad
    assert [len(some) for some in first.examples.values()] == [2]
    monkeypatch.setattr(module, "_read", refuse)
    assert read(file, store) == first


def test_a_file_is_read_again_where_its_content_has_changed(file: Path, store: Store) -> None:
    first = read(file, store)
    file.write_text(file.read_text().replace("What is 5 + 1?", "What is 6 - 1?"))
    second = read(file, store)
    assert second.questions == first.questions
    assert len(set(second.shards) - set(first.shards)) == 1


def test_a_file_is_read_again_where_a_shard_is_lost(file: Path, store: Store) -> None:
    first = read(file, store)
    first.shards[1].unlink()
    assert read(file, store) == first
    assert store.shards(Table.QUESTIONS) == sorted(first.shards)


def test_more_examples_are_found_in_the_file(file: Path, store: Store) -> None:
    two, three = read(file, store), read(file, store, few_shot=3)
    assert {group: some[:2] for group, some in three.examples.items()} == two.examples
    assert [len(some) for some in three.examples.values()] == [3]
