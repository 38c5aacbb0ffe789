from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raycal.questions import Question, Split, load
from raycal.questions.sources.base import QuestionSource
from raycal.questions.sources.file import QuestionFile
from raycal.questions.sources.hub import HubDataset
from raycal.questions.sources.mmlu import Mmlu
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.testing import check_source


def questions(source: QuestionSource) -> list[Question]:
    return [row for row in load(source) if isinstance(row, Question)]


@pytest.fixture
def sources(tmp_path: Path) -> list[QuestionSource]:
    """One of each kind, the last three with the same three questions."""
    rows = [{"question": f"question {n}?", "answer": [str(n)]} for n in range(3)]
    (tmp_path / "f.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "test").mkdir()
    mmlu = "".join(f"{row['question']},a,b,c,d,A\n" for row in rows)
    (tmp_path / "test" / "art_test.csv").write_text(mmlu, encoding="utf-8")
    (tmp_path / "hub").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "hub" / "validation.parquet")
    return [
        WorldFacts(relations=("capital_state",)),
        QuestionFile(source="file", path=tmp_path / "f.jsonl"),
        Mmlu(source="mmlu", path=tmp_path),
        HubDataset(source="hub", name="nq_open", path=str(tmp_path / "hub")),
    ]


def test_every_kind_of_source_is_loaded_alike(sources: list[QuestionSource]) -> None:
    loaded = [questions(source) for source in sources]
    assert [rows[0].dataset for rows in loaded] == ["worldfacts", "f", "mmlu", "nq_open"]
    assert len(loaded[0]) > 40
    assert [[question.question for question in rows] for rows in loaded[1:]] == [
        ["question 0?", "question 1?", "question 2?"]
    ] * 3


def test_one_question_stands_in_one_split_whatever_its_source(sources: list[QuestionSource]) -> None:
    splits: defaultdict[str, list[Split]] = defaultdict(list)
    for source in sources[1:]:
        for question in questions(source):
            splits[question.question].append(question.split)
    assert [len(found) for found in splits.values()] == [3, 3, 3]
    assert [len(set(found)) for found in splits.values()] == [1, 1, 1]


def test_loading_twice_gives_the_same_questions(sources: list[QuestionSource]) -> None:
    for source in sources:
        loaded = list(load(source))
        assert loaded
        assert loaded == list(load(source))


def test_every_id_is_given_out_once(tmp_path: Path) -> None:
    rows = [{"question": question, "answer": "a"} for question in ("x", "y", "x", "x", "y")]
    path = tmp_path / "f.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    loaded = list(load(QuestionFile(source="file", path=path)))
    assert [isinstance(row, Question) for row in loaded] == [True, True, False, False, False]


def test_every_source_is_as_raycal_relies_on(sources: list[QuestionSource]) -> None:
    for source in sources:
        check_source(source)
