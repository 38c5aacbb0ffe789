"""Shards of a table: where they lie, and what is wrong with one that cannot be read as the table's.

Faults are sentences. A storage that cannot be asked is no fault of a shard: its OSError goes on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from raycal.store.locations import Location, for_arrow
from raycal.store.schemas import SCHEMAS, Table

logger = logging.getLogger(__name__)

IDENTITY = ("key", "index")  # what tells rows apart, where a table has it
_MAGIC = b"PAR1"
_READERS = 16  # of footers, which in a bucket are a request or two each


def shards_under(folder: Location) -> list[Location]:
    """The Parquet files under a folder, sorted; one that was cut off is left out with a warning.

    None where there is no folder. Raises OSError where the storage cannot be asked.
    """
    paths = _parquet_files(folder)
    while True:
        try:
            return [path for path in paths if is_whole(path)]
        except FileNotFoundError:  # replaced since they were listed
            before, paths = paths, _parquet_files(folder)
            if paths == before:
                raise


def current_shards(shards: Sequence[Location]) -> Sequence[Location]:
    """Some shards; where one of a folder is gone, all that the folder has by now. Raises OSError."""
    there = {folder: shards_under(folder) for folder in {shard.parent for shard in shards}}
    gone = {shard.parent for shard in set(shards).difference(*there.values())}
    kept = [shard for shard in shards if shard.parent not in gone]
    return list(dict.fromkeys([*kept, *(shard for folder in gone for shard in there[folder])])) if gone else shards


def _parquet_files(folder: Location) -> list[Location]:
    if isinstance(folder, Path):
        walked = os.walk(folder, onerror=_unless_missing, followlinks=True)  # a partition may lie on another disk
        paths: list[Location] = [Path(parent, name) for parent, _, names in walked for name in names]
    else:
        paths = [folder / name.removeprefix(f"{folder.path}/") for name in folder.fs.find(folder.path)]
    return sorted((path for path in paths if path.suffix == ".parquet"), key=str)


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def is_whole(path: Location) -> bool:
    """Whether a file starts and ends as Parquet does; a crash in mid-write or a full disk leaves others behind."""
    if not isinstance(path, Path):
        return True  # there are no halves of objects
    with path.open("rb") as file:
        head = file.read(4)
        end = file.seek(0, 2)
        file.seek(max(0, end - 8))
        tail = file.read(8)
    whole = head == tail[4:] == _MAGIC and 12 + int.from_bytes(tail[:4], "little") <= end
    if not whole:
        logger.warning("%s was cut off while it was written: its rows count as not there", path)
    return whole


def foreign_columns(table: Table, columns: pa.Schema) -> str | None:
    """Why no raycal wrote columns for a table, if so: an older one lacks some of ours, a newer one has more besides."""
    ours = SCHEMAS[table]
    if columns.equals(ours):
        return None
    for name in IDENTITY:
        if (name in ours.names) != (name in columns.names):
            return f"it has {'no' if name in ours.names else 'a'} column {name}"
    lacking = [name for name in ours.names if name not in columns.names]
    unknown = [name for name in columns.names if name not in ours.names]
    if lacking and unknown:
        return f"it has a column {unknown[0]}, which the table {table} does not know, and none called {lacking[0]}"
    for field in columns:
        if field.name in ours.names and _contradict(field.type, ours.field(field.name).type):
            return f"its column {field.name} holds {field.type}"
    return None


def _contradict(column: pa.DataType, ours: pa.DataType) -> bool:
    """Whether one of two types is of texts alone: DuckDB reads numbers as texts, and the other way round."""
    return not pa.types.is_null(column) and _is_text(column) != _is_text(ours)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary)
    return any(test(kind) for test in tests)


_known: set[str] = set()  # shards whose columns were seen to be ours


def _version(shard: Location) -> str:
    """What names a shard as it is now; of objects, whose times take a request each, the name alone."""
    return f"{shard} {shard.stat().st_mtime_ns}" if isinstance(shard, Path) else str(shard)


def foreign_shard_fault(table: Table, shards: Sequence[Location]) -> str | None:
    """A sentence about the first of some shards whose columns are not the table's, if there is one.

    Footers alone are read, each once a process. Raises OSError and ArrowException where one cannot be.
    """
    new = {version: shard for shard in shards if (version := _version(shard)) not in _known}
    paths, filesystem = for_arrow([*new.values()])
    with ThreadPoolExecutor(_READERS) as pool:
        footers = pool.map(lambda path: pq.read_schema(path, filesystem=filesystem), paths)
        for (version, shard), columns in zip(new.items(), footers, strict=True):
            if reason := foreign_columns(table, columns):
                return not_ours(shard, reason)
            _known.add(version)
    return None


def shard_fault(table: Table, shards: Sequence[Location]) -> str | None:
    """A sentence about the first of some shards that cannot be read as the table's, if there is one."""
    schema = SCHEMAS[table]
    for shard in shards:
        content = shard.read_bytes()
        try:
            rows = pq.read_table(BytesIO(content), partitioning=None)
            known = [field for field in schema if field.name in rows.schema.names]
            rows.select([field.name for field in known]).cast(pa.schema(known))
        except (pa.ArrowException, OSError) as error:
            return not_ours(shard, " ".join(str(error).split()))
    return None


def not_ours(shard: Location, reason: str) -> str:
    """The sentence about a shard that is not as raycal wrote it."""
    return (
        f"the shard {shard} is not as raycal wrote it ({reason}): bring back the one that was there, or remove it, and "
        "run again to make its rows anew"
    )
