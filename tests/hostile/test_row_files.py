"""Files of rows that are spoiled or unusual: every command reads them alike, and names what it cannot read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from raycal.analysis.grade_file import grade_file
from raycal.analysis.metrics_file import metrics_of_file
from raycal.analysis.scored_file import read_scored
from raycal.analysis.threshold import threshold_of_file
from raycal.cli.main import app
from raycal.questions import BadRow, Question, load
from raycal.questions.sources.file import QuestionFile

ROWS = [{"question": f"What is {n} + 1?", "answer": n + 1, "p": p, "right": n % 2} for n, p in ((1, 0.25), (2, 0.75))]
BOM = "\ufeff"


def table(delimiter: str) -> str:
    return "\r\n".join(delimiter.join(map(str, row)) for row in (ROWS[0], *(row.values() for row in ROWS))) + "\r\n"


LINES = "\n".join(json.dumps(row) for row in ROWS)
FILES = [
    ("rows.csv", table(",")),
    ("rows.csv", table(";")),
    ("rows.csv", table("\t")),
    ("rows.tsv", table("\t")),
    ("ROWS.CSV", table(";")),
    ("rows.csv", BOM + table(",")),
    ("rows.csv", BOM + table(";")),
    ("rows.jsonl", LINES),
    ("rows.jsonl", BOM + LINES),
    ("rows.ndjson", LINES),
    ("rows.ndjson", BOM + LINES),
    ("rows.json", json.dumps(ROWS)),
    ("rows.json", BOM + json.dumps(ROWS, indent=1)),
]


def questions(path: Path) -> list[Question | BadRow]:
    return list(load(QuestionFile(source="file", path=path)))


def run(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("name", "text"), FILES)
@pytest.mark.parametrize("at_home", [False, True])
def test_every_command_reads_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, at_home: bool
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = Path("~") / name if at_home else tmp_path / name
    asked = questions(path)
    assert [(row.question, row.answers) for row in asked if isinstance(row, Question)] == [
        ("What is 1 + 1?", ("2",)), ("What is 2 + 1?", ("3",)),
    ]  # fmt: skip
    assert grade_file(path, prediction="answer", answers="answer").accuracy == 1
    assert metrics_of_file(path, confidence="p", correct="right", replicates=0).metrics["brier"].value == 0.5625
    assert threshold_of_file(path, error_rate=0.5, confidence="p", correct="right").found.n == 2


REFUSED: list[tuple[str, str, str]] = [
    ("utf-16", "rows.csv", "is in UTF-16: save it in UTF-8"),
    ("empty", "rows.ndjson", "holds no rows"),
    ("bom", "rows.csv", "holds no rows"),
    ("folder", "rows.csv", "there is no file"),
    ("word", "rows.docx", "has no known format"),
]


@pytest.mark.parametrize(("content", "name", "reason"), REFUSED)
@pytest.mark.parametrize("command", [("metrics",), ("grade", "--file"), ("threshold", "--error-rate", "0.1")])
def test_every_command_refuses_alike(
    tmp_path: Path, content: str, name: str, reason: str, command: tuple[str, ...]
) -> None:
    contents = {"utf-16": table(",").encode("utf-16"), "empty": b"", "bom": BOM.encode(), "word": b"x"}
    if content == "folder":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(contents[content])
    done = run(*command, tmp_path / name)
    assert done.exit_code == 1
    assert reason in done.stderr
    assert done.stdout == ""


def test_a_home_that_nobody_has_is_no_traceback() -> None:
    done = run("metrics", "~nobody-of-that-name/rows.csv")
    assert (done.exit_code, "there is no file" in done.stderr) == (1, True)


# ---------------------------------------------------------------------------------------------------------- open quotes


def test_an_open_quote_says_how_many_lines_it_takes(tmp_path: Path) -> None:
    lines = [f"What is {n}?,{n}" for n in range(600)]
    lines[100] = '"' + lines[100]
    (tmp_path / "f.csv").write_text("\n".join(["question,answer", *lines]))
    *good, bad = questions(tmp_path / "f.csv")
    assert len(good) == 100
    assert isinstance(bad, BadRow)
    assert bad.error.endswith("the row takes in 500 lines, 102 to 601: look there for a quote that does not close")
    assert "unexpected end of data" in bad.error


@pytest.mark.parametrize("closing", ['"What is it, then?",7', 'x",y,z'])
def test_an_open_quote_that_another_closes_says_so_too(tmp_path: Path, closing: str) -> None:
    lines = ["question,answer", "One?,1", '"Two?,2', "Three?,3", "Four?,4", closing, "Six?,6"]
    (tmp_path / "f.csv").write_text("\n".join(lines))
    rows = questions(tmp_path / "f.csv")
    assert [row.question for row in rows if isinstance(row, Question)] == ["One?", "Six?"]
    assert [row.error.partition("; ")[2] for row in rows if isinstance(row, BadRow)] == [
        "the row takes in 4 lines, 3 to 6: look there for a quote that does not close"
    ]


def test_an_open_quote_in_the_header_is_named(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text('"confidence,correct\n0.5,1\n0.5,0\n')
    done = run("metrics", tmp_path / "f.csv")
    assert "the row takes in 3 lines, 1 to 3" in done.stderr


def test_scores_below_an_open_quote_are_refused_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text('confidence,correct\n0.5,1\n"0.5,0\n0.5,1\n')
    assert "f.csv, line 3: the row is not CSV" in run("metrics", tmp_path / "f.csv").stderr


# ----------------------------------------------------------------------------------------------- columns and keys twice

TWICE = '{"question": "a?", "answer": "1", "answer": "2"}'
NESTED = '{"question": "b?", "answer": "1", "meta": [{"x": {"y": 1, "y": 2}}]}'
GOOD = '{"question": "c?", "answer": "1"}'


@pytest.mark.parametrize("write", ["\n".join, lambda lines: f"[{','.join(lines)}]"], ids=["jsonl", "json"])
def test_a_key_twice_costs_its_row(tmp_path: Path, write: Callable[[list[str]], str]) -> None:
    text = write([TWICE, NESTED, GOOD])
    path = tmp_path / ("f.json" if text.startswith("[") else "f.jsonl")
    path.write_text(text)
    rows = questions(path)
    assert [row.error for row in rows if isinstance(row, BadRow)] == [
        "the key 'answer' stands twice in one JSON object",
        "the key 'y' stands twice in one JSON object",
    ]
    assert [row.question for row in rows if isinstance(row, Question)] == ["c?"]
    report = grade_file(path, prediction="answer", answers="answer")
    assert (report.n, len(report.bad)) == (1, 2)


def test_a_score_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text(
        '{"confidence": 0.5, "correct": 1}\n{"confidence": 0.5, "confidence": 1, "correct": 1}'
    )
    assert "line 2: the key 'confidence' stands twice" in run("metrics", tmp_path / "f.jsonl").stderr


def test_a_column_twice_in_parquet_is_refused(tmp_path: Path) -> None:
    cells = [pa.array(["q?"]), pa.array(["1"]), pa.array(["2"])]
    inner = pa.StructArray.from_arrays(cells[1:], names=["x", "x"])
    tables = {
        "outer": pa.Table.from_arrays(
            [pa.array(["q?"]), pa.array(["1"]), pa.array(["2"])], ["question", "answer", "answer"]
        ),
        "inner": pa.table({"question": ["q?"], "answer": ["1"], "meta": inner}),
    }
    for name, column in (("outer", "answer"), ("inner", "x")):
        pq.write_table(tables[name], tmp_path / f"{name}.parquet")
        for command in (("metrics",), ("grade", "--file"), ("threshold", "--error-rate", "0.1")):
            assert (
                f"has several columns '{column}': rename all but one"
                in run(*command, tmp_path / f"{name}.parquet").stderr
            )


def test_a_parquet_file_that_is_damaged_inside_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"confidence": [0.5] * 5000, "correct": [1] * 5000}), path, compression="gzip")
    content = bytearray(path.read_bytes())
    content[40:200] = b"\x00" * 160
    path.write_bytes(content)
    done = run("metrics", path)
    assert done.exit_code == 1
    assert f"{path} is not a Parquet file that can be read" in done.stderr


# ------------------------------------------------------------------------------------------- options that do not apply


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["threshold", "f.csv", "--error-rate", "0.1", "--method", "zero_shot"], "--method does not apply to a file"),
        (["threshold", "f.csv", "--error-rate", "0.1", "--set", "seed=1"], "--set does not apply to a file"),
        (
            ["threshold", "f.csv", "--error-rate", "0.1", "--method", "m", "--set", "seed=1"],
            "--method and --set do not",
        ),
        (
            ["threshold", "f.yaml", "--error-rate", "0.1", "--confidence", "p"],
            "--confidence does not apply to an exper",
        ),
        (["grade", "--file", "f.csv", "--set", "seed=1"], "--set does not apply to f.csv"),
        (["grade", "f.yaml", "--file", "f.csv"], "an experiment does not apply to f.csv"),
        (["grade", "f.yaml", "--prediction", "reply", "--json"], "--prediction and --json do not apply without --file"),
        (["grade", "f.yaml", "--positions-from", "0"], "--positions-from does not apply without --file"),
    ],
)
def test_options_that_do_not_apply_are_refused(arguments: list[str], reason: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert reason in done.stderr


# ------------------------------------------------------------------------------------------------------------ precision

P = [0.9, 0.9, 0.9, 0.9, 0.95]
CORRECT = [1, 1, 1, 1, 0]


@pytest.mark.parametrize("precision", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ["f.csv", "f.jsonl", "f.json", "f.parquet", "typed.parquet"])
def test_reduced_precision_leaves_confidences_on_their_edges(tmp_path: Path, precision: str, name: str) -> None:
    import numpy as np

    given = np.array(P, dtype=precision)
    rows = [{"confidence": p, "correct": correct} for p, correct in zip(given.tolist(), CORRECT, strict=True)]
    path = tmp_path / name
    if name == "typed.parquet":
        pq.write_table(pa.table({"confidence": given, "correct": CORRECT}), path)
    elif name == "f.parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif name == "f.csv":
        path.write_text("confidence,correct\n" + "".join(f"{row['confidence']},{row['correct']}\n" for row in rows))
    else:
        path.write_text(json.dumps(rows) if name == "f.json" else "\n".join(map(json.dumps, rows)))
    assert read_scored(path, confidence="confidence", correct="correct").confidence.tolist() == P
    assert metrics_of_file(path, replicates=0).metrics["ece"].value == pytest.approx(0.11)


def test_other_numbers_that_survive_half_precision_stay_as_they_are(tmp_path: Path) -> None:
    shares = [k / 64 for k in range(65)]
    (tmp_path / "f.csv").write_text("confidence,correct\n" + "".join(f"{p},1\n" for p in shares))
    assert read_scored(tmp_path / "f.csv", confidence="confidence", correct="correct").confidence.tolist() == shares
