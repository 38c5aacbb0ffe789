"""Metrics of installed packages in rows of METRICS, which has columns for those of raycal alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raycal.store.schemas import SCHEMAS, Table


def packed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the table has it: what has no column of its own stands in `extra`, as JSON.

    >>> packed({"ece": 0.1, "bias": 0.2})
    {'ece': 0.1, 'extra': '{"bias": 0.2}'}
    """
    columns = set(SCHEMAS[Table.METRICS].names)
    extra = {name: value for name, value in row.items() if name not in columns}
    return {name: row[name] for name in row if name in columns} | ({"extra": json.dumps(extra)} if extra else {})


def unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the table with a column for all that stands in `extra`, in place of it.

    >>> unpacked({"ece": 0.1, "extra": '{"bias": 0.2}'})
    {'ece': 0.1, 'bias': 0.2}
    """
    extra: dict[str, Any] = json.loads(row.get("extra") or "{}")
    return {name: value for name, value in row.items() if name != "extra"} | extra
