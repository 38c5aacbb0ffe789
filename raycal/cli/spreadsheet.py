"""Rows as CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from raycal.text.visible import visible

# What spreadsheets take for a formula, behind spaces and in full width too; a number alone is none.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header; nothing for no rows. No text of a cell is a formula for a spreadsheet."""
    buffer = io.StringIO()
    if rows:
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(map(_csv_cell, rows[0]))
        writer.writerows(map(_csv_cell, row.values()) for row in rows)
    return buffer.getvalue()


def _csv_cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    quote = "'" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else ""
    return quote + visible(text)
