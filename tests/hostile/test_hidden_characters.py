"""Characters that are obeyed instead of seen, and cells that a spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path

import pytest
from rich.table import Table
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.cli.spreadsheet import to_csv
from raycal.cli.terminal import LogFormatter, Terminal
from raycal.errors import reason_of
from raycal.store.schemas import Table as StoreTable
from raycal.store.store import Store
from raycal.text.visible import escaped_json, visible

HIDDEN = {
    "clear the screen": ("a\x1b[2Jb", "a<U+001B>[2Jb"),
    "a title": ("\x1b]0;title\x07", "<U+001B>]0;title<U+0007>"),
    "one byte": ("\x9b2J", "<U+009B>2J"),
    "over what was there": ("wrong\rright", "wrong<U+000D>right"),
    "back": ("ab\x08c", "ab<U+0008>c"),
    "nothing": ("a\x00b", "a<U+0000>b"),
    "delete": ("a\x7fb", "a<U+007F>b"),
    "right to left": ("gpj\u202eexe", "gpj<U+202E>exe"),
    "isolated": ("a\u2066b\u2069", "a<U+2066>b<U+2069>"),
    "a mark": ("a\u200fb\u061cc", "a<U+200F>b<U+061C>c"),
    "half a pair": ("a\ud800b", "a<U+D800>b"),
}
SEEN = ["naïve – “quotes” 🙂", "שלום", "مرحبا", "two\nlines\tand a tab", "日本", "a\u00a0b", "👩\u200d🔬"]
UNSEEN = [text for text, _ in HIDDEN.values() if "\ud800" not in text]


@pytest.mark.parametrize(("text", "marks"), HIDDEN.values(), ids=HIDDEN)
def test_they_are_shown_as_marks(text: str, marks: str) -> None:
    assert visible(text) == marks


@pytest.mark.parametrize("text", SEEN)
def test_what_is_seen_stays(text: str) -> None:
    assert visible(text) == text


def test_a_log_keeps_its_colors_and_nothing_else() -> None:
    assert (
        visible("\x1b[36m(pid=1)\x1b[0m a\nb\x1b[2J\r", colors=True) == "\x1b[36m(pid=1)\x1b[0m a\nb<U+001B>[2J<U+000D>"
    )


@pytest.mark.parametrize("text", [text for text, _ in HIDDEN.values()], ids=HIDDEN)
def test_json_says_the_same_without_them(text: str) -> None:
    document = escaped_json(json.dumps({"name": text}, ensure_ascii=False))
    assert json.loads(document) == {"name": text}
    assert document.isprintable()


@pytest.mark.parametrize("text", UNSEEN)
def test_none_reaches_the_terminal(text: str) -> None:
    printed = io.StringIO()
    terminal = Terminal(file=printed, force_terminal=True, color_system=None, width=200)
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    terminal.print(table, text, markup=False)
    assert all(character.isprintable() or character == "\n" for character in printed.getvalue())


@pytest.mark.parametrize("options", [[], ["--json"], ["--csv"]])
@pytest.mark.parametrize("text", UNSEEN)
def test_none_of_a_store_reaches_it(tmp_path: Path, text: str, options: list[str]) -> None:
    store = Store(tmp_path / "store")
    store.write(StoreTable.RUNS, "some", [{"key": "some", "run": "some", "name": text}])
    sql = ["--sql", "SELECT name FROM runs"]
    done = CliRunner().invoke(app, ["results", "--store", str(store.root), *options, *sql])
    assert done.exit_code == 0, done.output
    assert all(character.isprintable() or character == "\n" for character in done.stdout)


@pytest.mark.parametrize("text", UNSEEN)
def test_none_of_an_error_or_a_log_reaches_it(text: str) -> None:
    done = CliRunner().invoke(app, ["metrics", f"{text.replace(chr(0), '')}.csv"])
    assert done.exit_code == 1
    assert all(character.isprintable() or character == "\n" for character in done.stderr)
    record = logging.LogRecord("some", logging.WARNING, "file", 1, "%s was cut off", (text,), None)
    assert LogFormatter("%(message)s").format(record) == f"{visible(text)} was cut off"


FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", " =1", "\t=1", "\r=1", "\uff1d1+1", "-a", "\n=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    header, row = csv.reader(io.StringIO(to_csv([{text: text, "n": 1}])))
    for cell in (header[0], row[0]):
        assert cell.startswith("'")
        assert cell.endswith(text.strip("\t\r\n =")[-1])


@pytest.mark.parametrize(
    "value", [-1.5, -3, "-1.5", "+3", "-1e-05", "plain", "a=b", 'a, "b"\nc', "'quoted", None, True]
)
def test_other_cells_stay(value: object) -> None:
    _, row = csv.reader(io.StringIO(to_csv([{"a": value, "b": 1}])))
    assert row[0] == ("" if value is None else str(value))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory"), "no such file or directory"),
        (
            OSError(113, "its server does not answer (AWS_ENDPOINT_URL)"),
            "its server does not answer (AWS_ENDPOINT_URL)",
        ),
        (OSError(5, "AWS says No"), "AWS says No"),
        (OSError("Something Else"), "something Else"),
        (OSError(), "the reason is not known"),
    ],
)
def test_an_errors_own_text_keeps_its_capitals(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason
