"""Rows of Parquet files, with values as other formats would have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from raycal.questions.rows import QuestionSourceError, Row, Rows, refuse_repeated

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1024


def read_parquet(path: Path) -> Rows:
    """Rows of a Parquet file, a batch in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for names in _names_of_siblings(pa.struct(list(file.schema_arrow))):
                refuse_repeated(path, names)
            for batch in file.iter_batches(_BATCH):
                columns = [_plain(column.to_pylist(), column.type) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield Row(number, dict(zip(batch.schema.names, cells, strict=True)))
    except (pa.ArrowException, OSError, OverflowError) as error:
        read = f" beyond row {number:,}" if number else ""
        reason = " ".join(str(error).split())
        raise QuestionSourceError(f"{path} is not a Parquet file that can be read{read}: {reason}") from error


def _names_of_siblings(kind: pa.DataType) -> Iterator[list[str]]:
    """The names of each struct's fields, at every depth."""
    fields = [kind.field(position) for position in range(kind.num_fields)]
    if fields and str(kind).startswith("struct"):
        yield [field.name for field in fields]
    for field in fields:
        yield from _names_of_siblings(field.type)


def _plain(cells: list[Any], kind: pa.DataType) -> list[Any]:
    """Cells of a type, with numbers in reduced precision as the shortest ones that are equal to them: 0.1."""
    import pyarrow as pa

    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return _shortest(cells, np.float16 if pa.types.is_float16(kind) else np.float32)
    if is_list:
        return [None if cell is None else _plain(cell, kind.value_type) for cell in cells]
    if pa.types.is_dictionary(kind):
        return _plain(cells, kind.value_type)
    if pa.types.is_struct(kind):
        fields = list(kind)
        return [cell and {field.name: _plain([cell[field.name]], field.type)[0] for field in fields} for cell in cells]
    return cells


def _shortest(numbers: list[float | None], precision: type[np.floating[Any]]) -> list[float | None]:
    decimals = np.array(numbers, dtype=np.float64).astype(precision).astype(np.str_).astype(np.float64)
    return [None if number is None else decimal for number, decimal in zip(numbers, decimals.tolist(), strict=True)]
