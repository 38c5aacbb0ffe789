"""Anybody's scored answers: a CSV, JSONL or Parquet file with a column of confidences and one of correctness."""

from __future__ import annotations

import csv
import glob
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raycal.errors import RaycalError
from raycal.metrics import Floats, Groups
from raycal.text.suggest import nearest

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_HEAD_BYTES = 1 << 16
_DELIMITERS = ",;\t"
_VALID = {
    "confidence": "a number from 0 to 1 (divide percentages by 100) or empty",
    "correct": "true or false, yes or no, 1 or 0, or empty",
}

# Numbers are read as the shortest text that gives them back, so that 0.7 in single precision is 0.7.
_QUERY = """
    WITH cells AS (SELECT lower(trim(confidence)) AS p, lower(trim(correct)) AS c, trim("group") AS g FROM texts)
    SELECT coalesce(try_cast(p AS DOUBLE), 'nan'::DOUBLE) AS confidence,
           p IS NULL OR p IN ('', 'nan', 'null', 'none') AS missing,
           CASE WHEN c IN ('true', 'yes', '1', '1.0') THEN 1
                WHEN c IN ('false', 'no', '0', '0.0') THEN 0
                WHEN c IS NULL OR c IN ('', 'nan', 'null', 'none') THEN -1
                ELSE -2 END::TINYINT AS correct,
           coalesce(nullif(g, ''), '(none)') AS "group"
    FROM cells
"""


class ScoredFileError(RaycalError, ValueError):
    """A file of scored answers that cannot be used; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """A file's rows: confidence (n,), NaN where missing; correct (n,), 1, 0, or -1 where ungraded."""

    confidence: Floats
    correct: NDArray[np.int8]
    groups: Groups | None

    @property
    def graded(self) -> NDArray[np.bool_]:
        """(n,) whether a row says that it is correct or wrong."""
        return self.correct >= 0

    @property
    def used(self) -> NDArray[np.bool_]:
        """(n,) whether a row is graded and has a confidence."""
        used: NDArray[np.bool_] = self.graded & ~np.isnan(self.confidence)
        return used


def read_scored(path: Path, *, confidence: str, correct: str, group: str | None = None) -> ScoredRows:
    """Read a file's rows by the names of their columns.

    The `confidence` column holds numbers in [0, 1]; an empty one, null or NaN is missing. The `correct` column holds
    true/false, yes/no or 1/0, in any case; a row where it is empty is ungraded. Rows without a group form the group
    "(none)".

    Raises ScoredFileError for a file that is missing, empty, of an unknown format or malformed, a column that it does
    not have, and the first row whose confidence or correctness cannot be understood.
    """
    import duckdb

    if not path.is_file():
        raise ScoredFileError(f"there is no file {path}")
    with path.open("rb") as file:
        if not file.read(_HEAD_BYTES).strip():
            raise ScoredFileError(f"{path} is empty")
    with duckdb.connect() as connection:
        try:
            texts = _texts(connection, path, {"confidence": confidence, "correct": correct, "group": group})
            table = texts.query("texts", _QUERY).to_arrow_table()
            p, is_correct = table["confidence"].to_numpy(), table["correct"].to_numpy()
            _refuse(path, texts, "confidence", confidence, ~table["missing"].to_numpy() & ~((p >= 0) & (p <= 1)))
            _refuse(path, texts, "correct", correct, is_correct == -2)
        except duckdb.Error as error:
            raise _unreadable(path, error) from error
    if not len(p):
        raise ScoredFileError(f"{path} holds no rows")
    return ScoredRows(p, is_correct, None if group is None else _groups(table["group"]))


def _texts(connection: DuckDBPyConnection, path: Path, columns: Mapping[str, str | None]) -> DuckDBPyRelation:
    """The named columns as texts, in the order of the file; a column without a name is null."""
    from duckdb import ColumnExpression, ConstantExpression

    file = glob.escape(str(path))  # DuckDB takes paths for patterns
    wanted = [column for column in columns.values() if column is not None]
    match path.suffix.lower():
        case ".csv":
            header, delimiter = _csv_header(path)
            _check_columns(path, wanted, header)
            # Named by position, because DuckDB's names do not tell upper and lower case apart.
            inside = {name: f"column{position}" for position, name in enumerate(header)}
            types = {f"column{position}": "VARCHAR" for position in range(len(header))}
            dialect = {"sep": delimiter, "quotechar": '"', "escapechar": '"', "auto_detect": False, "header": True}
            source = connection.read_csv(file, columns=types, hive_partitioning=False, **dialect)
        case ".jsonl":
            lines = {"format": "newline_delimited", "records": "true", "hive_partitioning": False}
            _check_columns(path, wanted, connection.read_json(file, **lines).columns)
            inside = {name: name for name in wanted}
            source = connection.read_json(file, columns=dict.fromkeys(wanted, "VARCHAR"), **lines)
        case ".parquet":
            source = connection.read_parquet(file, hive_partitioning=False)
            _check_columns(path, wanted, source.columns)
            inside = {name: name for name in wanted}
        case _:
            raise ScoredFileError(f"{path} has no known format: name it .csv, .jsonl or .parquet")
    return source.select(
        *(
            (ConstantExpression(None) if name is None else ColumnExpression(inside[name])).cast("VARCHAR").alias(alias)
            for alias, name in columns.items()
        )
    )


def _csv_header(path: Path) -> tuple[list[str], str]:
    """The names in a CSV file's first record, and the delimiter that occurs in it most often."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        delimiter = max(_DELIMITERS, key=file.readline().count)
        file.seek(0)
        try:
            return [name.strip() for name in next(csv.reader(file, delimiter=delimiter))], delimiter
        except csv.Error as error:
            raise ScoredFileError(f"the header of {path} cannot be read: {error}") from error


def _check_columns(path: Path, wanted: Sequence[str], names: Sequence[str]) -> None:
    for column in wanted:
        if column not in names:
            raise ScoredFileError(f"{path} has no column {column!r}: {nearest(column, names)}")
        if names.count(column) > 1:
            raise ScoredFileError(f"{path} has several columns {column!r}: rename all but one")


def _groups(labels: pa.ChunkedArray) -> Groups:
    encoded = labels.dictionary_encode().combine_chunks()
    names, ranks = np.unique(encoded.dictionary.to_pylist(), return_inverse=True)
    return Groups(tuple(str(name) for name in names), ranks[encoded.indices.to_numpy()])


def _refuse(path: Path, texts: DuckDBPyRelation, alias: str, column: str, bad: NDArray[np.bool_]) -> None:
    if bad.any():
        row = int(bad.argmax())
        ((cell,),) = texts.select(alias).limit(1, offset=row).fetchall()
        raise ScoredFileError(f"{path}, data row {row + 1}: {column} is {cell!r}, but must be {_VALID[alias]}")


def _unreadable(path: Path, error: Exception) -> ScoredFileError:
    if path.suffix.lower() == ".jsonl":
        # DuckDB's line numbers of malformed JSON are sometimes one too high.
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if line.strip() and not _is_object(line):
                    return ScoredFileError(f"{path}, line {number}: this is no JSON object")
    said = " ".join(str(error).split("\nPossible")[0].split())
    return ScoredFileError(f"{path} cannot be read: {said}")


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (json.JSONDecodeError, RecursionError):
        return False
