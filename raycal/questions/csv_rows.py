"""Rows of CSV files, whose cells stand apart by commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from raycal.questions.rows import ENCODING, UNDECODABLE, QuestionSourceError, Row, Rows, Unreadable, refuse_repeated

_DELIMITERS = ",;\t"


def read_cells(path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]] | Unreadable]:
    """A CSV file's records as lists of cells, each with the line on which it starts; blank lines are passed over."""
    with path.open(newline="", encoding=ENCODING, errors=UNDECODABLE) as file:
        reader = csv.reader(file, strict=True, delimiter=delimiter)
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                lines = reader.line_num - start + 1
                yield Unreadable(start, f"the row is not CSV: {error}{_swallowed(start, lines)}", "")
                continue
            if cells is None:
                return
            if cells:
                yield start, cells


def read_csv(path: Path) -> Rows:
    """Cells under a header, which shows by what they are separated."""
    delimiter = _delimiter(path)
    records = read_cells(path, delimiter)
    header = next(records, None)
    if header is None:
        return
    if isinstance(header, Unreadable):
        raise QuestionSourceError(f"the header of {path} cannot be read: {header.error}")
    names = [name.strip() for name in header[1]]
    refuse_repeated(path, [name for name in names if name])
    for record in records:
        if isinstance(record, Unreadable):
            yield record
            continue
        start, cells = record
        if len(cells) == len(names):
            yield Row(start, dict(zip(names, cells, strict=True)))
        else:
            lines = 1 + sum(cell.count("\n") for cell in cells)
            error = f"the row has {len(cells)} cells under {len(names)} columns{_swallowed(start, lines)}"
            yield Unreadable(start, error, delimiter.join(cells))


def _delimiter(path: Path) -> str:
    """That by which the header has the most columns."""
    with path.open(newline="", encoding=ENCODING, errors=UNDECODABLE) as file:
        header = file.readline()
    return max(_DELIMITERS, key=lambda delimiter: _columns(header, delimiter))


def _columns(header: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=delimiter), []))
    except csv.Error:
        return 0  # the reason is given when the header is read


def _swallowed(start: int, lines: int) -> str:
    """What a row of several lines may be: others are part of it where a quote does not close."""
    if lines == 1:
        return ""
    last = start + lines - 1
    return f"; the row takes in {lines:,} lines, {start} to {last}: look there for a quote that does not close"
