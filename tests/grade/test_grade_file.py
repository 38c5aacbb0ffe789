"""Grading anybody's predictions."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raycal.analysis.grade_file import GradeReport, grade_file
from raycal.questions import QuestionSourceError

ROWS: list[dict[str, Any]] = [
    {"reply": "The capital is Paris.", "gold": ["Paris", "City of Light"]},
    {"reply": "Lyon", "gold": ["Paris"]},
    {"reply": "1,000", "gold": ["1000"]},
    {"reply": "", "gold": ["Rome"]},
]
VERDICTS = [True, False, True, False]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows)
    return path


def graded(path: Path, **columns: Any) -> GradeReport:
    return grade_file(path, **{"prediction": "reply", "answers": "gold"} | columns)


@pytest.mark.parametrize("name", ["replies.jsonl", "replies.csv", "replies.parquet"])
def test_formats_are_graded_alike(tmp_path: Path, name: str) -> None:
    report = graded(write(tmp_path / name, ROWS))
    assert [row.grade.correct for row in report.graded] == VERDICTS
    assert (report.n, report.correct, report.accuracy, report.bad) == (4, 2, 0.5, ())
    first_line = 2 if name.endswith(".csv") else 1
    assert report.graded[0].location == f"{name}:{first_line}"


def test_answers_may_be_a_text_a_number_or_a_worked_solution(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"reply": "Paris, France", "gold": "Paris"},
        {"reply": "18", "gold": 18.0},
        {"reply": "9 * 2\n#### 18", "gold": "She sells 9 at $2.\n#### 18"},
        {"reply": "yes", "gold": True},
        {"reply": 7, "gold": "seven"},
    ]
    assert graded(write(tmp_path / "a.jsonl", rows)).accuracy == 1


def test_choices_take_text_letter_or_index(tmp_path: Path) -> None:
    choices = ["London", "Paris"]
    rows: list[dict[str, Any]] = [
        {"reply": "B", "gold": "Paris", "of": choices},
        {"reply": "(b)", "gold": "B", "of": choices},
        {"reply": "Paris", "gold": 1, "of": choices},
        {"reply": "A", "gold": 1, "of": choices},
        {"reply": "A", "gold": "Rome", "of": choices},
        {"reply": "A", "gold": "Rome", "of": None},
        {"reply": "A", "gold": [], "of": choices},
        {"reply": "A", "gold": "1" * 5000, "of": choices},
    ]
    report = graded(write(tmp_path / "a.jsonl", rows), choices="of", positions_from=0)
    assert [row.grade.correct for row in report.graded] == [True, True, True, False]
    assert [bad.location for bad in report.bad] == [f"a.jsonl:{line}" for line in (5, 6, 7, 8)]
    assert "'Rome' is neither a text, a letter nor an index" in report.bad[0].reason
    assert report.bad[1].reason == "'of' holds no list of choices"
    assert report.bad[2].reason == "the row names no right choice"


def test_bad_rows_are_told_apart_from_wrong_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = json.dumps({"reply": "x", "gold": "x"})
    path.write_text(f'{good}\n\n{{"reply": \n[1]\n{{"reply": ["x"], "gold": "x"}}\n{{"reply": "x"}}\n'
                    '{"reply": "x", "gold": []}\n{"reply": "wrong", "gold": "x"}\n', encoding="utf-8")  # fmt: skip
    report = graded(path)
    assert [row.location for row in report.graded] == ["a.jsonl:1", "a.jsonl:8"]
    assert report.accuracy == 0.5
    assert [bad.location for bad in report.bad] == [f"a.jsonl:{line}" for line in (3, 4, 5, 6, 7)]
    assert [bad.reason for bad in report.bad][2:] == [
        "a cell holds a list where a text is expected", "the row has no 'gold'", "'gold' holds no accepted answer",
    ]  # fmt: skip


def test_file_of_bad_rows_has_no_accuracy(tmp_path: Path) -> None:
    report = graded(write(tmp_path / "a.jsonl", [{"reply": "x", "gold": None}]))
    assert (report.n, report.accuracy, len(report.bad)) == (0, None, 1)


def test_nested_columns_are_reached(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"model": {"reply": "Paris"}, "answer": {"aliases": ["Paris"]}}]
    path = write(tmp_path / "a.jsonl", rows)
    assert grade_file(path, prediction="model.reply", answers="answer.aliases").correct == 1


def test_report_is_json(tmp_path: Path) -> None:
    report = graded(write(tmp_path / "a.jsonl", [*ROWS, {"reply": "x", "gold": None}]))
    data = json.loads(json.dumps(report.to_dict()))
    assert data["n"] == 4
    assert data["accuracy"] == 0.5
    assert data["grader"] == "match 3"
    assert data["rows"][1] == {
        "location": "a.jsonl:2", "correct": False, "extracted": "Lyon", "reason": "different", "source": "first line"
    }  # fmt: skip
    assert data["bad"] == [{"location": "a.jsonl:5", "reason": "the row has no 'gold'"}]


def test_unusable_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS)
    with pytest.raises(QuestionSourceError, match="has no column 'replies': did you mean 'reply'"):
        graded(path, prediction="replies")
    with pytest.raises(QuestionSourceError, match="has no column 'golden': did you mean 'gold'"):
        graded(path, answers="golden")
    with pytest.raises(QuestionSourceError, match=r"there is no file .*missing\.jsonl"):
        graded(tmp_path / "missing.jsonl")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    with pytest.raises(QuestionSourceError, match="holds no rows"):
        graded(empty)
    with pytest.raises(QuestionSourceError, match="no known format"):
        graded(write(tmp_path / "a.txt", ROWS))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 nothing")
    with pytest.raises(QuestionSourceError, match="is not a Parquet file"):
        graded(broken)
