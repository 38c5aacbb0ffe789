"""Cells of every spelling and type: the same answers from every format, or the row is refused with a reason."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.analysis.grade_file import GradeReport, grade_file
from raycal.questions.cells import accepted_answers, lookup
from raycal.questions.literals import spelled_out
from raycal.questions.question import QuestionError

Write = Callable[[Path, list[dict[str, Any]]], Path]


def as_csv(folder: Path, rows: list[dict[str, Any]]) -> Path:
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "rows.csv"


def as_jsonl(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return folder / "rows.jsonl"


def as_json(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "rows.json").write_text(json.dumps(rows))
    return folder / "rows.json"


def as_parquet(folder: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
    return folder / "rows.parquet"


FORMATS = pytest.mark.parametrize("write", [as_csv, as_jsonl, as_json, as_parquet])


def graded(path: Path, **columns: Any) -> GradeReport:
    return grade_file(path, **{"prediction": "prediction", "answers": "answers"} | columns)


SPELLED = [
    ("JSON", '["Paris", "Lutetia"]', ("Paris", "Lutetia")),
    ("JSON with a null", '["Paris", null]', ("Paris",)),
    ("Python's list", "['Paris', 'Lutetia']", ("Paris", "Lutetia")),
    ("Python's list of one", "['Paris']", ("Paris",)),
    ("with an apostrophe", "[\"L'Aquila\", 'Rome']", ("L'Aquila", "Rome")),
    ("with brackets inside", "['a]b', '(c']", ("a]b", "(c")),
    ("with None and True", "['Paris', None, True]", ("Paris", "yes", "true")),
    ("of texts and numbers", "['two', 2]", ("two", "2")),
    ("of one number", "[1969]", ("1969",)),
    ("of bytes", "[b'Paris']", ("Paris",)),
    ("over two lines", "['Paris',\n 'Lutetia']", ("Paris", "Lutetia")),
    ("a tuple", "('Paris', 'Lutetia')", ("Paris", "Lutetia")),
    ("a tuple of one", "('Paris',)", ("Paris",)),
    ("a set", "{'Paris', 'Lutetia'}", ("Paris", "Lutetia")),
    ("a list that is one answer", '["[1, 2]"]', ("[1, 2]",)),
    ("an empty list", "[]", ()),
    ("a point", "(3, -4)", ("(3, -4)",)),
    ("a half-open interval", "[0, 1)", ("[0, 1)",)),
    ("a union of intervals", "[0, 1] ∪ [2, 3]", ("[0, 1] ∪ [2, 3]",)),
    ("a product", "(a + 5)(b + 2)", ("(a + 5)(b + 2)",)),
    ("a set of mathematics", "{x | x > 0}", ("{x | x > 0}",)),
    ("a bracket in front", "[sic] Paris", ("[sic] Paris",)),
    ("a parenthesis in front", "(The) Beatles", ("(The) Beatles",)),
    ("a quoted parenthesis in front", '("Weird Al") Yankovic', ('("Weird Al") Yankovic',)),
    ("a parenthesis around", "(Paris, France)", ("(Paris, France)",)),
    ("prose", "array of things", ("array of things",)),
]
REFUSED = [
    ("numpy's texts", "['Paris' 'Lutetia']"),
    ("numpy's numbers", "[1 2 3]"),
    ("numpy's array", "array(['Paris'], dtype=object)"),
    ("SQuAD as pandas prints it", "{'text': array(['Paris'], dtype=object), 'answer_start': array([3])}"),
    ("SQuAD as Python prints it", "{'text': ['Paris'], 'answer_start': [3]}"),
    ("JSON's object", '{"text": ["Paris"]}'),
    ("a key twice", '{"text": "Paris", "text": "Rome"}'),
    ("a key twice in Python", "[{'text': 'Paris', 'text': 'Rome'}]"),
    ("without quotes", "[Paris, Lutetia]"),
    ("a list that was cut off", '["Paris", "Lut'),
    ("a mapping that was cut off", "{'text': ['Par"),
    ("with a missing number", "[nan, 'Paris']"),
    ("a list of lists", "[['Paris'], ['Rome']]"),
    ("a tuple that is none", "('it's', 'Paris')"),
    ("several numbers, or one answer", "[1969, 1970]"),
    ("a call", "['Paris', print('x')]"),
]


@FORMATS
@pytest.mark.parametrize(("cell", "answers"), [row[1:] for row in SPELLED], ids=[row[0] for row in SPELLED])
def test_a_text_that_spells_a_list_is_that_list(
    tmp_path: Path, write: Write, cell: str, answers: tuple[str, ...]
) -> None:
    assert accepted_answers(cell, None)[0] == answers
    report = graded(write(tmp_path, [{"prediction": "Paris", "answers": cell}]))
    assert [row.grade.correct for row in report.graded] == ([] if not answers else [report.correct == 1])
    assert report.correct == ("Paris" in answers)


@FORMATS
@pytest.mark.parametrize("cell", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_text_with_the_shape_of_a_list_is_never_an_answer(tmp_path: Path, write: Write, cell: str) -> None:
    rows: list[dict[str, Any]] = [{"prediction": "Paris", "answers": cell}, {"prediction": "Paris", "answers": "Paris"}]
    report = graded(write(tmp_path, rows))
    assert (report.n, report.correct, len(report.bad)) == (1, 1, 1)


@pytest.mark.parametrize("text", ["{'text': ['Paris'], 'answer_start': [3]}", '[{"text": "Paris"}]'])
def test_a_dotted_name_reaches_into_what_a_text_spells(tmp_path: Path, text: str) -> None:
    path = as_csv(tmp_path, [{"prediction": "Paris", "answers": text}])
    assert graded(path, answers="answers.text").correct == 1
    assert lookup({"a": text}, "a.text") == ["Paris"]


def test_what_a_mapping_holds_is_named(tmp_path: Path) -> None:
    report = graded(as_csv(tmp_path, [{"prediction": "Paris", "answers": "{'text': ['Paris']}"}]))
    assert (
        report.bad[0].reason == "a cell holds a dict where a text is expected: name one of its columns, such as .text"
    )


@FORMATS
@pytest.mark.parametrize("cell", [None, ""])
def test_a_missing_reply_is_a_wrong_one_in_every_format(tmp_path: Path, write: Write, cell: str | None) -> None:
    rows: list[dict[str, Any]] = [{"prediction": cell, "answers": "Paris"}, {"prediction": "Paris", "answers": "Paris"}]
    report = graded(write(tmp_path, rows))
    assert (report.n, report.accuracy, report.bad) == (2, 0.5, ())
    assert report.notes == ("replies without an answer, which count as wrong: 1",)


def test_a_reply_of_no_number_or_no_key_is_missing_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prediction": NaN, "answers": "x"}\n{"answers": "x"}\n{"prediction": " ", "answers": "x"}\n')
    assert (graded(path).n, graded(path).accuracy) == (3, 0)


@FORMATS
@pytest.mark.parametrize(
    ("reply", "cell"), [("Yes", True), ("true", True), ("No", False), ("No", "FALSE"), ("yes", "True")]
)
def test_a_boolean_is_accepted_in_both_words(tmp_path: Path, write: Write, reply: str, cell: Any) -> None:
    assert graded(write(tmp_path, [{"prediction": reply, "answers": cell}])).accuracy == 1


TYPES = [
    ("half precision", pa.array([0.1], pa.float16()), ("0.1",)),
    ("single precision", pa.array([0.1], pa.float32()), ("0.1",)),
    ("half precision in a list", pa.array([[0.1, None]], pa.list_(pa.float16())), ("0.1",)),
    ("single precision in a large list", pa.array([[0.1]], pa.large_list(pa.float32())), ("0.1",)),
    ("single precision in a list of fixed size", pa.array([[0.1, 0.2]], pa.list_(pa.float32(), 2)), ("0.1", "0.2")),
    ("single precision in a dictionary", pa.array([0.1], pa.float32()).dictionary_encode(), ("0.1",)),
    ("a text in a dictionary", pa.array(["Paris"]).dictionary_encode(), ("Paris",)),
    ("a decimal", pa.array([Decimal("18.00")], pa.decimal128(9, 2)), ("18",)),
    ("a decimal with a part", pa.array([Decimal("1.50")], pa.decimal128(9, 2)), ("1.5",)),
    ("a date", pa.array([date(1965, 11, 20)]), ("1965-11-20",)),
    ("a moment at midnight", pa.array([datetime(1965, 11, 20)]), ("1965-11-20",)),
    ("a moment in nanoseconds", pa.array([datetime(1965, 11, 20)], pa.timestamp("ns")), ("1965-11-20",)),
    ("a moment with a zone", pa.array([-130032000], pa.timestamp("s", "UTC")), ("1965-11-18",)),
    ("a moment of the day", pa.array([datetime(1965, 11, 20, 9, 30)]), ("1965-11-20 09:30:00",)),
    ("a time", pa.array([time(9, 30)]), ("09:30:00",)),
    ("bytes", pa.array([b"Paris"]), ("Paris",)),
    ("a large text", pa.array(["Paris"], pa.large_string()), ("Paris",)),
    ("a duration", pa.array([timedelta(days=1)]), None),
    ("a map", pa.array([[("a", "Paris")]], pa.map_(pa.string(), pa.string())), None),
    ("a struct", pa.array([{"text": "Paris"}]), None),
    ("infinity", pa.array([float("inf")]), None),
    ("no number", pa.array([float("nan")]), None),
]


@pytest.mark.parametrize(("column", "answers"), [row[1:] for row in TYPES], ids=[row[0] for row in TYPES])
def test_every_type_of_parquet_is_spelled_the_shortest_way_or_refused(
    tmp_path: Path, column: pa.Array, answers: tuple[str, ...] | None
) -> None:
    replies = answers or ("Paris",)
    table = pa.table({"prediction": list(replies), "answers": pa.concat_arrays([column] * len(replies))})
    pq.write_table(table, tmp_path / "rows.parquet")
    report = graded(tmp_path / "rows.parquet")
    assert (report.correct, len(report.bad)) == ((len(replies), 0) if answers else (0, 1))


@FORMATS
def test_a_date_is_the_same_answer_in_every_format(tmp_path: Path, write: Write) -> None:
    midnight = "1965-11-20 00:00:00"
    cell = datetime.fromisoformat(midnight) if write is as_parquet else midnight
    assert graded(write(tmp_path, [{"prediction": "November 20, 1965", "answers": cell}])).accuracy == 1


@pytest.mark.parametrize("cell", ["[" * 100_000, "[" * 500 + "]" * 500, "(" * 300 + "1," + ")" * 300, "{'a': " * 200])
def test_deep_nesting_is_no_crash(cell: str) -> None:
    try:
        answers, _ = accepted_answers(cell, None)
    except QuestionError:
        return
    assert answers == (cell.strip(),)


@given(st.lists(st.text()), st.sampled_from([json.dumps, repr, lambda texts: repr(tuple(texts))]))
def test_every_list_of_texts_is_read_back(texts: list[str], spell: Callable[[list[str]], str]) -> None:
    assert spelled_out(spell(texts)) == texts


@given(st.text(alphabet="[]{}()'\",:a1 \\\n#-.") | st.text())
def test_any_text_is_itself_or_what_it_spells_or_refused(text: str) -> None:
    try:
        cell = spelled_out(text)
    except QuestionError:
        return
    assert cell is text or isinstance(cell, list | dict)
