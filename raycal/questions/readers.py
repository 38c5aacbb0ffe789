"""The one reader of files of rows: JSONL, JSON, CSV and Parquet, a row at a time where the format allows it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from raycal.questions.cells import column_names
from raycal.questions.csv_rows import read_csv
from raycal.questions.literals import RepeatedKey, parse_json
from raycal.questions.parquet_rows import read_parquet
from raycal.questions.rows import ENCODING, UNDECODABLE, QuestionSourceError, Row, Rows, Unreadable
from raycal.store.locations import expand_home
from raycal.text.suggest import nearest

_HEAD = 100  # rows among which a column must occur


def read_jsonl(path: Path) -> Rows:
    """One JSON object a line; blank lines are passed over."""
    with path.open(encoding=ENCODING, errors=UNDECODABLE) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = parse_json(line)
            except (ValueError, RecursionError) as error:
                yield Unreadable(number, f"the line is not JSON: {error}", line)
                continue
            yield _json_row(number, record, line)


def read_json(path: Path) -> Rows:
    """An array of JSON objects; the format has the whole file read at once."""
    try:
        records = parse_json(path.read_text(encoding=ENCODING, errors=UNDECODABLE))
    except (ValueError, RecursionError) as error:
        raise QuestionSourceError(f"{path} is not JSON ({error}): give a JSON array, or call it .jsonl") from error
    if isinstance(records, RepeatedKey):
        raise QuestionSourceError(f"{path} must hold a JSON array of objects, and {records}")
    if not isinstance(records, list):
        raise QuestionSourceError(f"{path} must hold a JSON array of objects, but holds a {type(records).__name__}")
    for number, record in enumerate(records, 1):
        yield _json_row(number, record, json.dumps(record, ensure_ascii=False, default=str))


def _json_row(number: int, record: object, raw: str) -> Row | Unreadable:
    if isinstance(record, dict):
        return Row(number, record)
    if isinstance(record, RepeatedKey):
        return Unreadable(number, str(record), raw)
    return Unreadable(number, f"the row is a {type(record).__name__}, not a JSON object", raw)


_READERS: dict[str, Callable[[Path], Rows]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
}


@dataclass(frozen=True)
class RowFile:
    """A file that holds rows, and the columns that its first rows have (nested ones dotted)."""

    path: Path
    columns: frozenset[str]
    rows: Rows  # all of them, to be gone through once

    def check_column(self, column: str, setting: str = "") -> None:
        """Raise QuestionSourceError where there is no such column; `setting` is where its name can be mended."""
        if column not in self.columns:
            named = f"{column!r} ({setting})" if setting else repr(column)
            raise QuestionSourceError(f"{self.path} has no column {named}: {nearest(column, self.columns)}")


def open_rows(path: Path) -> RowFile:
    """Open a file of rows; QuestionSourceError where it is missing, of no known format, empty or unreadable."""
    path = expand_home(path)
    if not path.is_file():
        raise QuestionSourceError(f"there is no file {path}")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise QuestionSourceError(f"{path} has no known format: name it {', '.join(sorted(_READERS))}")
    with path.open("rb") as file:
        if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            raise QuestionSourceError(f"{path} is in UTF-16: save it in UTF-8")
    rows = reader(path)
    head = list(islice(rows, _HEAD))
    if not head:
        raise QuestionSourceError(f"{path} holds no rows")
    readable = [row for row in head if isinstance(row, Row)]
    if not readable and isinstance(head[0], Unreadable):
        raise QuestionSourceError(f"none of the first {len(head)} rows of {path} can be read: {head[0].error}")
    return RowFile(path, frozenset(name for row in readable for name in column_names(row.values)), chain(head, rows))
