from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from question_sets import for_each_set

from raycal.questions import BadRow, Kind, Question, QuestionSourceError, load, split_of
from raycal.questions.columns import Columns
from raycal.questions.sources.file import QuestionFile

ROWS: list[dict[str, Any]] = [
    {"question": "Who painted Guernica?", "answer": ["Picasso", "Pablo Picasso"]},
    {"question": "How many moons has Mars?", "answer": ["2", "two"]},
]


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_json(path: Path, rows: list[Any]) -> Path:
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return path


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    lines = [",".join(rows[0])]
    for row in rows:
        cells = (cell if isinstance(cell, str) else json.dumps(cell) for cell in row.values())
        lines.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    return path


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def read(path: Path, **settings: Any) -> tuple[list[Question], list[BadRow]]:
    rows = list(load(QuestionFile(source="file", path=path, **settings)))
    return [row for row in rows if isinstance(row, Question)], [row for row in rows if isinstance(row, BadRow)]


def read_text(path: Path, text: str | bytes, **settings: Any) -> tuple[list[Question], list[BadRow]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, **settings)


FORMATS = pytest.mark.parametrize(
    ("suffix", "write"),
    [("jsonl", write_jsonl), ("json", write_json), ("csv", write_csv), ("parquet", write_parquet)],
)


@FORMATS
def test_every_format_holds_the_same_questions(tmp_path: Path, suffix: str, write: Callable[..., Path]) -> None:
    questions, bad = read(write(tmp_path / f"quiz.{suffix}", ROWS))
    assert bad == []
    assert questions == [
        Question(
            dataset="quiz",
            kind=Kind.OPEN,
            question=row["question"],
            answers=tuple(row["answer"]),
            split=split_of(row["question"]),
        )
        for row in ROWS
    ]


@FORMATS
def test_columns_of_any_name_become_a_choice_question(tmp_path: Path, suffix: str, write: Callable[..., Path]) -> None:
    row = {"q": "Which is a bird?", "right": "B", "options": ["bat", "owl", "bee"], "topic": "life", "key": "z7"}
    columns = Columns(question="q", answers="right", choices="options", subject="topic", id="key")
    [question], bad = read(write(tmp_path / f"f.{suffix}", [row]), columns=columns, dataset="zoo")
    assert bad == []
    assert (question.dataset, question.kind, question.answers) == ("zoo", Kind.CHOICE, ("owl",))
    assert (question.choices, question.subject, question.metadata) == (("bat", "owl", "bee"), "life", {"id": "z7"})


@pytest.mark.parametrize(("suffix", "write"), [("jsonl", write_jsonl), ("parquet", write_parquet)])
def test_dotted_names_reach_into_nested_columns(tmp_path: Path, suffix: str, write: Callable[..., Path]) -> None:
    row = {"meta": {"text": "Who?"}, "answer": {"value": "Bo", "aliases": ["Bo", "Beau"]}, "spans": [{"t": "x"}]}
    path = write(tmp_path / f"f.{suffix}", [row])
    [question], _ = read(path, columns=Columns(question="meta.text", answers="answer.aliases"))
    assert (question.question, question.answers) == ("Who?", ("Bo", "Beau"))
    [question], _ = read(path, columns=Columns(question="meta.text", answers="spans.t"))
    assert question.answers == ("x",)


def test_one_column_a_choice_and_blank_cells_behind_the_last_one(tmp_path: Path) -> None:
    text = "question,answer,a,b,c\nOne?,2,x,y,z\nTwo?,B,x,y,\nThree?,C,x,,z\nFour?,A,x,,\n"
    questions, bad = read_text(tmp_path / "f.csv", text, columns=Columns(choices=("a", "b", "c")), positions_from=0)
    assert [(q.choices, q.answers) for q in questions] == [(("x", "y", "z"), ("z",)), (("x", "y"), ("y",))]
    assert [(row.location, row.error) for row in bad] == [
        (f"f.csv:{line}", "a choice question needs at least two choices, and none of them blank") for line in (4, 5)
    ]


def test_parquet_bytes_are_text_and_single_precision_is_short(tmp_path: Path) -> None:
    table = pa.table(
        {
            "question": [b"Who?", b"\xff", b"How much?"],
            "answer": pa.array([[0.1], [2], [1e-7, 18]], pa.list_(pa.float32())),
            "meta": pa.array([{"key": 0.7}] * 3, pa.struct([("key", pa.float32())])),
        }
    )
    pq.write_table(table, tmp_path / "f.parquet")
    questions, bad = read(tmp_path / "f.parquet", columns=Columns(id="meta.key"))
    assert [(q.question, q.answers) for q in questions] == [("Who?", ("0.1",)), ("How much?", ("1e-07", "18"))]
    assert [q.metadata for q in questions] == [{"id": "0.7"}] * 2
    assert [(row.location, row.error) for row in bad] == [("f.parquet:2", "a cell's text is not valid UTF-8")]


def test_blank_columns_of_a_csv_file_may_repeat(tmp_path: Path) -> None:
    [question], _ = read_text(tmp_path / "f.csv", "question,answer,,\nWho?,Bo,,\n")
    assert question.answers == ("Bo",)


def test_a_separator_splits_one_text_into_answers(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "f.csv", [{"question": "Name a primary colour.", "answer": "red; blue;;yellow; "}])
    [question], _ = read(path, answer_separator=";")
    assert question.answers == ("red", "blue", "yellow")


def test_a_list_of_numbers_in_a_csv_cell_may_be_an_answer_or_several_and_is_refused(tmp_path: Path) -> None:
    rows = 'Sort 2 and 1.,"[1, 2]"\nSort 4 and 3.,"[""[3, 4]""]"\n'
    [question], [bad] = read_text(tmp_path / "f.csv", "question,answer\n" + rows)
    assert question.answers == ("[3, 4]",)
    assert bad.error.startswith("the cell '[1, 2]' may be several answers or one: write ['1', '2'] as a JSON list")


def test_malformed_rows_are_told_apart_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [
        json.dumps(ROWS[0]).encode(),
        b'{"question": "Who?"',
        b'["a", "list"]',
        b"",
        b'{"question": "Who?"}',
        b'{"question": "  ", "answer": "a"}',
        b'{"question": "Who?", "answer": []}',
        b'{"question": "Who?", "answer": {"a": 1}}',
        b'{"question": "Wh\xe9re?", "answer": "a"}',
        b'{"question": "\\ud800?", "answer": "a"}',
        json.dumps(ROWS[1]).encode(),
    ]
    questions, bad = read_text(tmp_path / "quiz.jsonl", b"\n".join(lines))
    assert [q.question for q in questions] == [row["question"] for row in ROWS]
    assert [row.location for row in bad] == [f"quiz.jsonl:{line}" for line in (2, 3, 5, 6, 7, 8, 9, 10)]
    assert [row.error.split(":")[0] for row in bad] == [
        "the line is not JSON",
        "the row is a list, not a JSON object",
        "the column 'answer' is missing or empty",
        "the column 'question' is missing or empty",
        "there is no accepted answer, or an empty one",
        "a cell holds a dict where a text is expected",
        "a cell's text is not valid UTF-8",
        "a cell's text is not valid UTF-8",
    ]
    for row in bad:
        assert row.dataset == "quiz"
        row.raw.encode()  # can be stored, whatever was in the file


def test_csv_rows_of_another_width_and_broken_quotes_are_malformed(tmp_path: Path) -> None:
    text = 'question,answer\nOne?,1\nTwo?,2,3\n"Three\nlines?",3\nFour?\n"Five" x,5\nSix?,6\n'
    questions, bad = read_text(tmp_path / "f.csv", text)
    assert [q.question for q in questions] == ["One?", "Three\nlines?", "Six?"]
    assert [row.location for row in bad] == ["f.csv:3", "f.csv:6", "f.csv:7"]
    assert bad[0].error == "the row has 3 cells under 2 columns"
    assert "is not CSV" in bad[2].error


def test_a_quote_that_never_closes_spoils_the_end_of_the_file_only(tmp_path: Path) -> None:
    questions, bad = read_text(tmp_path / "f.csv", 'question,answer\nOne?,1\n"Two?,2\nThree?,3\n')
    assert [q.question for q in questions] == ["One?"]
    assert [row.location for row in bad] == ["f.csv:3"]


def test_a_question_that_comes_again_is_counted_and_dropped(tmp_path: Path) -> None:
    again = ROWS[0] | {"answer": "another"}
    questions, bad = read(write_jsonl(tmp_path / "f.jsonl", [*ROWS, again]))
    assert len(questions) == 2
    assert [(row.location, row.error) for row in bad] == [
        ("f.jsonl:3", "the same question stands earlier in the source")
    ]


def test_a_limit_takes_the_first_rows_and_counts_add_up(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "f.jsonl", [ROWS[0], {"question": "x"}, ROWS[1]])
    questions, bad = read(path, limit=2)
    assert ([q.question for q in questions], len(bad)) == ([ROWS[0]["question"]], 1)


def test_a_long_row_is_shown_shortened(tmp_path: Path) -> None:
    rows = [ROWS[0], {"question": "x" * 10_000}]
    _, [bad] = read(write_jsonl(tmp_path / "f.jsonl", rows))
    assert len(bad.raw) == 200


@pytest.mark.parametrize(
    ("name", "content", "settings", "message"),
    [
        ("none.jsonl", None, {}, "there is no file .*none.jsonl"),
        ("f.txt", "x", {}, "has no known format: name it .csv, .json, .jsonl"),
        ("f.jsonl", "", {}, "holds no rows"),
        ("f.jsonl", "\n\n", {}, "holds no rows"),
        ("f.csv", "", {}, "holds no rows"),
        ("f.csv", "question,answer\n", {}, "holds no rows"),
        ("f.csv", "answer,question, answer\na,b,c\n", {}, "f.csv has several columns 'answer': rename all but one"),
        ("f.json", "[]", {}, "holds no rows"),
        ("f.json", "{}", {}, "must hold a JSON array of objects, but holds a dict"),
        ("f.json", '[{"a": 1},\n', {}, "is not JSON .*line 2"),
        ("f.parquet", "PAR1", {}, "is not a Parquet file"),
        ("f.jsonl", "a\nb\n", {}, "none of the first 2 rows of .* can be read: the line is not JSON"),
        (
            "f.csv",
            "Question,Answers\na,b\n",
            {},
            r"no column 'question' \(columns.question\): did you mean 'Question'\? There is: Answers, Question$",
        ),
        (
            "f.jsonl",
            '{"question": "q", "answers": {"values": ["a"]}}',
            {"columns": {"answers": "answers.value"}},
            r"no column 'answers.value' \(columns.answers\): did you mean 'answers.values'\?",
        ),
        (
            "f.csv",
            "question,answer,c0,c1\na,b,c,d\n",
            {"columns": {"choices": ("c0", "c2")}},
            r"no column 'c2' \(columns.choices\)",
        ),
        ("f.csv", "question,answer\na,b\n", {"columns": {"subject": "topic"}}, r"'topic' \(columns.subject\)"),
    ],
)
def test_a_source_at_fault_is_refused_before_the_first_question(
    tmp_path: Path, name: str, content: str | None, settings: dict[str, Any], message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    source = QuestionFile.model_validate({"source": "file", "path": path, **settings})
    with pytest.raises(QuestionSourceError, match=message):
        load(source)


def test_a_column_that_only_some_rows_have_is_no_wrong_name(tmp_path: Path) -> None:
    questions, bad = read(write_jsonl(tmp_path / "f.jsonl", [{"question": "x"}, *ROWS]))
    assert (len(questions), len(bad)) == (2, 1)


def test_a_large_file_is_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f'{{"question": "question {n}", "answer": "{n}"}}\n' for n in range(50_000))
        file.write("{broken")
    rows = load(QuestionFile(source="file", path=path))
    first = next(rows)
    assert isinstance(first, Question)
    assert first.answers == ("0",)
    path.write_text("", encoding="utf-8")  # what was not read yet is gone: at most a buffer was
    assert sum(1 for _ in rows) < 1000


LINES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.text(max_size=40).map(str.encode),
        st.sampled_from(
            [b'{"question": "q", "answer": "a"}', b"q,a", b'"q', b'"q","a"', b"[", b"]", b'"', b"\x00", b"{}"]
        ),
    )
)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("f.jsonl", b'{"question": "first?", "answer": "a"}\n'),
        ("f.json", b'[{"question": "first?", "answer": "a"},\n'),
        ("f.csv", b"question,answer\nfirst?,a\n"),
        ("f.parquet", b"PAR1"),
    ],
)
@given(lines=LINES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_whatsoever_break_the_loader(tmp_path: Path, name: str, head: bytes, lines: list[bytes]) -> None:
    path = tmp_path / name
    path.write_bytes(head + b"\n".join(lines))
    try:
        rows = list(load(QuestionFile(source="file", path=path)))
    except QuestionSourceError:
        assert name not in {"f.jsonl", "f.csv"}  # a good first row is never lost with the rest of such a file
        return
    first = rows[0]
    assert isinstance(first, Question)
    assert first.question == "first?"


WEB_QUESTIONS = {"columns": {"question": "qText", "answers": "answers", "id": "qId"}}
TRUTHFUL_QA = {"columns": {"question": "Question", "answers": "Correct Answers"}, "answer_separator": ";"}
SETTINGS: dict[str, dict[str, Any]] = {
    "nq_open/dev.jsonl": {},
    "gsm8k/test.jsonl": {},
    "webquestions/test.json": WEB_QUESTIONS,
    "triviaqa/sample.parquet": {"columns": {"id": "question_id"}},
    "truthfulqa/TruthfulQA.csv": TRUTHFUL_QA,
}
# Questions, rows that come again, and the first of the first question's answers.
OURS = {
    "nq_open/dev.jsonl": (50, 0, ("carbon dioxide", "CO2")),
    "gsm8k/test.jsonl": (50, 0, ("39",)),
    "webquestions/test.json": (50, 0, ("Egypt",)),
    "triviaqa/sample.parquet": (42, 8, ("Knight (chess)", "Knight", "KNIGHT")),
    "truthfulqa/TruthfulQA.csv": (50, 0, ("No", "No, shaving does not change how thick hair grows")),
}
PUBLIC = {
    "nq_open/dev.jsonl": (3610, 0, ("14 December 1972 UTC", "December 1972")),
    "gsm8k/test.jsonl": (1319, 0, ("18",)),
    "webquestions/test.json": (2032, 0, ("Jamaican Creole English Language", "Jamaican English")),
    "triviaqa/sample.parquet": (1696, 304, ("Dave Lamb", "Dave lamb")),
    "truthfulqa/TruthfulQA.csv": (817, 0, ("Nothing happens", "You eat watermelon seeds")),
}


@pytest.mark.parametrize("name", SETTINGS)
@for_each_set(OURS, PUBLIC)
def test_question_sets_are_read_whole(
    data: Path, expected: dict[str, tuple[int, int, tuple[str, ...]]], name: str
) -> None:
    source = QuestionFile.model_validate({"source": "file", "path": data / name, **SETTINGS[name]})
    rows = list(load(source))
    questions = [row for row in rows if isinstance(row, Question)]
    good, repeated, first = expected[name]
    assert (len(questions), len(rows) - len(questions)) == (good, repeated)
    assert len({question.id for question in questions}) == good
    assert questions[0].answers[: len(first)] == first


@for_each_set(ours=50, public=1319)
def test_every_answer_of_gsm8k_is_the_number_behind_its_rationale(data: Path, expected: int) -> None:
    questions, _ = read(data / "gsm8k" / "test.jsonl")
    assert len(questions) == expected
    for question in questions:
        assert question.answers[0].removeprefix("-").isdecimal()
        assert "####" not in question.metadata["rationale"]
