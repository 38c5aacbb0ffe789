"""Right choices that a file names by label, letter, position or mask: as the whole file means it, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raycal.analysis.grade_file import grade_file
from raycal.experiment.ingest import ingest
from raycal.questions import BadRow, Question, load
from raycal.questions.columns import Columns
from raycal.questions.question import Split
from raycal.questions.sources.file import QuestionFile
from raycal.store.store import Store

LETTERS = ["w", "x", "y", "z"]
SUMS = ["2", "4", "6", "8"]
OPEN = "does not show whether it counts from 0 or from 1"
BOTH = "is a choice's text as well as the position of another choice"


def choice(answer: Any, choices: Any = LETTERS) -> dict[str, Any]:
    return {"answer": answer, "choices": choices}


def labeled(answer: Any, labels: list[Any], texts: list[str] = LETTERS) -> dict[str, Any]:
    return {"answer": answer, "choices": {"text": texts, "label": labels}}


def write(folder: Path, rows: list[dict[str, Any]], name: str = "quiz.jsonl") -> Path:
    lines = [json.dumps({"question": f"Which one, {number}?"} | row) for number, row in enumerate(rows)]
    (folder / name).write_text("\n".join(lines))
    return folder / name


def read(path: Path, **settings: Any) -> list[Any]:
    """Each row's right answers, or the reason why it has none."""
    columns = Columns(choices=settings.pop("choices", "choices"), answers=settings.pop("answers", "answer"))
    rows = load(QuestionFile(source="file", path=path, columns=columns, **settings))
    return [list(row.answers) if isinstance(row, Question) else row.error for row in rows]


# (id, rows, for each the right answers or what is in the reason)
FILES: list[tuple[str, list[dict[str, Any]], list[Any]]] = [
    ("from 0", [choice(0), choice(2), choice("3")], [["w"], ["y"], ["z"]]),
    ("from 1", [choice(1), choice(2), choice("4")], [["w"], ["x"], ["z"]]),
    ("from 1 as fractions", [choice("1.0"), choice(2.0), choice("4.0")], [["w"], ["x"], ["z"]]),
    ("from 1 by the shortest row", [choice(2), choice(2, ["a", "b"])], [["x"], ["b"]]),
    ("from 0 or from 1", [choice(1), choice(2), choice(3)], [OPEN, OPEN, OPEN]),
    ("from 0 and from 1", [choice(0), choice(2), choice(4)], [OPEN, OPEN, OPEN]),
    ("from 0 or from 1, and texts", [choice(1), choice("w")], [OPEN, ["w"]]),
    ("from 0 or from 1, and letters", [choice(1), choice("B")], [OPEN, ["x"]]),
    ("out of range", [choice(0), choice(3), choice(7), choice(-1)], [["w"], ["z"], "neither a text", "neither a text"]),
    ("sums by their texts", [choice("4", SUMS), choice("6", SUMS), choice("12", ["9", "12"])], [["4"], ["6"], ["12"]]),
    ("sums by text, letter or position", [choice("4", SUMS), choice("2", SUMS)], [BOTH, BOTH]),
    ("sums from 0", [choice(0, SUMS), choice(2, SUMS), choice(3, SUMS)], [["2"], BOTH, ["8"]]),
    (
        "a typo among texts",
        [choice("w"), choice("x"), choice("3"), choice("4", SUMS)],
        [["w"], ["x"], "neither", ["4"]],
    ),
    ("letters", [choice("A"), choice("d")], [["w"], ["z"]]),
    ("masks", [choice([0, 0, 1, 0]), choice([1, 0, 0, 1])], [["y"], ["w", "z"]]),
    ("masks of booleans", [choice([False, True, False, False])], [["x"]]),
    ("a mask in a text", [choice("[0, 0, 1, 0]"), choice("(0, 1, 0, 0)")], [["y"], ["x"]]),
    ("a mask of two", [choice([0, 1], ["a", "b"])], [["b"]]),
    ("a mask of yes and no", [choice([True, False], ["yes", "no"])], [["yes"]]),
    ("a mask of nothing", [choice([0, 0, 0, 0])], ["marks no choice"]),
    ("a mask of another length", [choice([0, 0, 1]), choice([0] * 4 + [1])], ["marks 3 choices", "marks 5 choices"]),
    ("a mask or texts", [choice([1, 0], ["0", "1"])], ["may mark choices or name them"]),
    ("positions in a list", [choice([0, 2]), choice([1])], [["w", "y"], ["x"]]),
    ("texts in a list of texts", [choice("['w', 'z']")], [["w", "z"]]),
    ("a list that is a text", [choice("[1, 2]", ["[1, 2]", "[2, 1]"])], [["[1, 2]"]]),
    ("booleans", [choice("True", ["yes", "no"]), choice(False, ["True", "False"])], [["yes"], ["False"]]),
    ("choices in a text", [choice("B", "['w', 'x']"), choice("B", '["w", "x"]')], [["x"], ["x"]]),
    ("choices as numpy prints them", [choice("B", "['w' 'x']"), choice("w")], ["has the shape of a list", ["w"]]),
    ("choices in a mapping", [choice("B", {"A": "w", "B": "x"}), choice("w")], ["holds no list of choices", ["w"]]),
]
LABELED: list[tuple[str, list[dict[str, Any]], list[Any]]] = [
    ("letters", [labeled("B", list("ABCD"))], [["x"]]),
    ("numbers", [labeled("2", list("1234")), labeled("4", list("1234"))], [["x"], ["z"]]),
    ("both", [labeled("B", list("ABCD")), labeled("2", list("1234"))], [["x"], ["x"]]),
    ("numbers of numbers", [labeled(2, [1, 2, 3, 4], SUMS)], [["4"]]),
    ("in another order", [labeled("A", list("DCBA"))], [["z"]]),
    ("of more choices", [labeled("B", list("ABCDE"))], [["x"]]),
    ("a text beside labels", [labeled("y", list("ABCD"))], [["y"]]),
    ("a position beside letters", [labeled(0, list("ABCD")), labeled(2, list("ABCD"))], [["w"], ["y"]]),
    ("labels twice", [labeled("A", list("AABB"))], [["w"]]),
    ("in objects", [{"answer": "2", "choices": [{"label": "1", "text": "w"}, {"label": "2", "text": "x"}]}], [["x"]]),
]


def _fits(given: Any, wanted: Any) -> bool:
    return given == wanted if isinstance(wanted, list) else isinstance(given, str) and wanted in given


@pytest.mark.parametrize(("rows", "wanted"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_means_one_thing_by_its_positions(tmp_path: Path, rows: list[dict[str, Any]], wanted: list[Any]) -> None:
    given = read(write(tmp_path, rows))
    assert [_fits(*pair) for pair in zip(given, wanted, strict=True)] == [True] * len(rows), given


@pytest.mark.parametrize(("rows", "wanted"), [row[1:] for row in LABELED], ids=[row[0] for row in LABELED])
def test_labels_beside_choices_name_them(tmp_path: Path, rows: list[dict[str, Any]], wanted: list[Any]) -> None:
    assert read(write(tmp_path, rows), choices="choices.text") == wanted


def test_labels_that_are_a_mask_name_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, [{"mc1": {"choices": LETTERS, "labels": [1, 0, 0, 0]}, "best": "w"}])
    assert read(path, choices="mc1.choices", answers="mc1.labels") == read(path, choices="mc1.choices", answers="best")


@pytest.mark.parametrize(("first", "right"), [(0, ["x", "y"]), (1, ["w", "x"])])
def test_an_option_says_from_where_positions_count(tmp_path: Path, first: int, right: list[str]) -> None:
    path = write(tmp_path, [choice(1), choice(2), choice(9)])
    assert read(path, positions_from=first)[:2] == [[text] for text in right]
    assert "neither a text" in read(path, positions_from=first)[2]
    report = grade_file(path, prediction="answer", answers="answer", choices="choices", positions_from=first)
    assert (report.n, len(report.bad)) == (2, 1)


def test_a_limit_does_not_change_what_a_position_means(tmp_path: Path) -> None:
    path = write(tmp_path, [choice(1), choice(2), choice(4)])
    assert read(path, limit=1) == [["w"]]


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_positions_in_columns_of_a_table(tmp_path: Path, suffix: str) -> None:
    delimiter = "," if suffix == "csv" else "\t"
    rows = ["question,answer,a,b,c", "One?,1,x,y,z", "Two?,3,x,y,z", "Three?,2,x,y,"]
    (tmp_path / f"f.{suffix}").write_text("\n".join(rows).replace(",", delimiter))
    assert read(tmp_path / f"f.{suffix}", choices=("a", "b", "c")) == [["x"], ["z"], ["y"]]


def test_a_right_choice_that_is_always_the_first_is_told(tmp_path: Path) -> None:
    first, mixed = [choice("w"), choice([1, 0, 0, 0]), choice("A")], [choice("w"), choice("x")]
    report = grade_file(write(tmp_path, first), prediction="answer", answers="answer", choices="choices")
    assert "quiz.jsonl: the right choice is the first of all 3 rows" in report.notes[0]
    assert not grade_file(write(tmp_path, mixed), prediction="answer", answers="answer", choices="choices").notes
    columns = Columns(choices="choices")
    for rows, told in ((first, True), (mixed, False)):
        source = QuestionFile(source="file", path=write(tmp_path, rows), columns=columns)
        notes = ingest([source], list(Split), 0, Store(tmp_path / "store")).notes
        assert [("quiz: the right choice is the first" in note) for note in notes] == ([True] if told else [])


def test_open_questions_have_no_first_choice(tmp_path: Path) -> None:
    source = QuestionFile(source="file", path=write(tmp_path, [{"answer": "a"}, {"answer": "b"}]))
    assert not ingest([source], list(Split), 0, Store(tmp_path / "store")).notes


def test_a_row_that_names_no_choice_costs_no_other(tmp_path: Path) -> None:
    path = write(tmp_path, [choice(0), choice(None), choice({"a": 1}), choice(2, ["w"]), choice(3)])
    rows = list(load(QuestionFile(source="file", path=path, columns=Columns(choices="choices"))))
    assert [isinstance(row, BadRow) for row in rows] == [False, True, True, True, False]
