"""Files of rows in JSONL, JSON, CSV and Parquet, read a row at a time where the format allows it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from raycal.questions.cells import column_names
from raycal.questions.rows import QuestionSourceError, Row, Unreadable
from raycal.text.suggest import nearest

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Iterator[Row | Unreadable]

_HEAD = 100  # rows among which a column must occur
_PARQUET_BATCH = 1024
# Bytes that are not UTF-8 travel as lone surrogates, so that they spoil their own row and not the whole file.
_ENCODING = "utf-8-sig"
_UNDECODABLE = "surrogateescape"


def read_jsonl(path: Path) -> Rows:
    """One JSON object a line; blank lines are passed over."""
    with path.open(encoding=_ENCODING, errors=_UNDECODABLE) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Unreadable(number, f"the line is not JSON: {error}", line)
                continue
            yield _json_row(number, record, line)


def read_json(path: Path) -> Rows:
    """An array of JSON objects; the format has the whole file read at once."""
    try:
        records = json.loads(path.read_text(encoding=_ENCODING, errors=_UNDECODABLE))
    except (ValueError, RecursionError) as error:
        raise QuestionSourceError(f"{path} is not JSON ({error}): give a JSON array, or call it .jsonl") from error
    if not isinstance(records, list):
        raise QuestionSourceError(f"{path} must hold a JSON array of objects, but holds a {type(records).__name__}")
    for number, record in enumerate(records, 1):
        yield _json_row(number, record, json.dumps(record, ensure_ascii=False))


def _json_row(number: int, record: object, raw: str) -> Row | Unreadable:
    if isinstance(record, dict):
        return Row(number, record)
    return Unreadable(number, f"the row is a {type(record).__name__}, not a JSON object", raw)


def read_cells(path: Path) -> Iterator[tuple[int, list[str]] | Unreadable]:
    """A CSV file's records as lists of cells, each with the line on which it starts; blank lines are passed over."""
    with path.open(newline="", encoding=_ENCODING, errors=_UNDECODABLE) as file:
        reader = csv.reader(file, strict=True)
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Unreadable(start, f"the row is not CSV: {error}", "")
                continue
            if cells is None:
                return
            if cells:
                yield start, cells


def read_csv(path: Path) -> Rows:
    """Comma-separated cells under a header."""
    records = read_cells(path)
    header = next(records, None)
    if header is None:
        return
    if isinstance(header, Unreadable):
        raise QuestionSourceError(f"the header of {path} cannot be read: {header.error}")
    names = [name.strip() for name in header[1]]
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    if repeated is not None:
        raise QuestionSourceError(f"{path} has several columns {repeated!r}: rename all but one")
    for record in records:
        if isinstance(record, Unreadable):
            yield record
        elif len(record[1]) == len(names):
            yield Row(record[0], dict(zip(names, record[1], strict=True)))
        else:
            yield Unreadable(
                record[0], f"the row has {len(record[1])} cells under {len(names)} columns", ",".join(record[1])
            )


def read_parquet(path: Path) -> Rows:
    """Rows of a Parquet file, a batch in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise QuestionSourceError(f"{path} is not a Parquet file: {error}") from error
    with file:
        number = 0
        for batch in file.iter_batches(_PARQUET_BATCH):
            columns = [_shortest(column) for column in batch.columns]
            for record in pa.RecordBatch.from_arrays(columns, batch.schema.names).to_pylist():
                number += 1
                yield Row(number, record)


def _shortest(column: pa.Array) -> pa.Array:
    """A column with numbers in single precision as the shortest ones that are equal to them: 0.1, not 0.10000000149."""
    import pyarrow as pa

    as_text, as_number = (_instead_of_float(column.type, kind) for kind in (pa.string(), pa.float64()))
    return column if as_text == column.type else column.cast(as_text).cast(as_number)


def _instead_of_float(kind: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type with another one in place of single precision, within lists and structs as well."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return pa.list_(_instead_of_float(kind.value_type, other))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_instead_of_float(field.type, other)) for field in kind])
    return other if pa.types.is_float32(kind) else kind


_READERS: dict[str, Callable[[Path], Rows]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
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
    if not path.is_file():
        raise QuestionSourceError(f"there is no file {path}")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise QuestionSourceError(f"{path} has no known format: name it {', '.join(sorted(_READERS))}")
    rows = reader(path)
    head = list(islice(rows, _HEAD))
    if not head:
        raise QuestionSourceError(f"{path} holds no rows")
    readable = [row for row in head if isinstance(row, Row)]
    if not readable and isinstance(head[0], Unreadable):
        raise QuestionSourceError(f"none of the first {len(head)} rows of {path} can be read: {head[0].error}")
    return RowFile(path, frozenset(name for row in readable for name in column_names(row.values)), chain(head, rows))
