"""Keyed tables in Parquet shards: the only module that touches files of data.

A table is a folder of partitions, a partition a folder of shards. A shard is written aside and renamed, or put into a
bucket by one request, so that it is visible whole or not at all, and its name derives from the keys in it, so that a
retried task overwrites its own work. Rows are never edited. Where several shards hold the same key, readers see one
row: a finished one before a failed one.
"""

from __future__ import annotations

import atexit
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from raycal.keys import digest
from raycal.location import Location, for_arrow, location, readable
from raycal.schemas import SCHEMAS, Table
from raycal.whole_file import whole_file

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)

_PORTION = 256  # shards that are read together where memory counts
_MAGIC = b"PAR1"


class StoreError(ValueError):
    """The store cannot be read; the message says where and why."""


class Store:
    """The tables under one root folder."""

    def __init__(self, root: Location | str) -> None:
        self.root = location(root)

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def folder(self, table: Table, partition: str) -> Location:
        """Where a partition's shards lie."""
        return self.root / table / partition

    def shard(self, table: Table, partition: str, keys: Iterable[str]) -> Location:
        """The path of the shard that holds exactly these keys, whether it has been written or not."""
        return self.folder(table, partition) / f"{digest(*sorted(keys))}.parquet"

    def write(self, table: Table, partition: str, rows: Sequence[Mapping[str, Any]]) -> Location | None:
        """Write rows as one shard, whole or not at all; returns its path, None where there are no rows.

        Columns that a row lacks are null. A sample's key is completed by its index.
        """
        if not rows:
            return None
        path = self.shard(table, partition, map(_identity, rows))
        with whole_file(path) as aside:
            pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMAS[table]), aside)
        return path

    def replace(self, table: Table, partition: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows as a partition's only shard, in place of those that an earlier computation left there."""
        written = self.write(table, partition, rows)
        for shard in self.shards(table, partition):
            if shard != written:
                shard.unlink(missing_ok=True)

    def finished(self, table: Table, partition: str, keys: Iterable[str]) -> set[str]:
        """Those of some keys ("key:index", the index empty where there is none) whose rows have no error.

        Looks into the shard with exactly these keys, and no other.
        """
        path = self.shard(table, partition, keys)
        if not (path.is_file() and _is_whole(path)):
            return set()
        columns = [name for name in ("key", "index", "error") if name in SCHEMAS[table].names]
        rows = (row for block in read_blocks([path], columns) for row in block.to_pylist())
        return {_identity(row) for row in rows if not row.get("error")}

    def shards(self, table: Table, partition: str = "*") -> list[Location]:
        """The readable shards of a partition, or of all, sorted; one that was cut off is left out with a warning."""
        found: Iterable[Location] = (self.root / table).glob(f"{partition}/*.parquet")
        return [path for path in sorted(found, key=str) if _is_whole(path)]

    def rows(
        self,
        query: str,
        parameters: Sequence[Any] = (),
        *,
        shards: Mapping[Table, Sequence[Location]] | None = None,
        extra: Mapping[str, pa.Table] | None = None,
        batch_rows: int = 8192,
    ) -> Iterator[dict[str, Any]]:
        """The rows of a query over the tables, streamed.

        `all_TABLE` has the rows as they were written, of one key perhaps several: it spares the choice between them.
        `shards` narrows the tables that it names; `extra` are further tables to join with. Raises StoreError where the
        query is not valid SQL.
        """
        with self._reader(query, parameters, shards, extra, batch_rows) as reader:
            for batch in reader:
                yield from batch.to_pylist()

    def batches(self, query: str, table: Table, shards: Sequence[Location]) -> Iterator[pa.RecordBatch]:
        """The result of a query that looks at rows of one table each by itself, streamed in columns.

        The shards are read in portions: DuckDB takes some ten kilobytes for each that is open. Raises StoreError.
        """
        for start in range(0, max(len(shards), 1), _PORTION):
            with self._reader(query, (), {table: shards[start : start + _PORTION]}, None, batch_rows=65536) as reader:
                yield from reader

    def arrow(
        self,
        query: str,
        parameters: Sequence[Any] = (),
        *,
        shards: Mapping[Table, Sequence[Location]] | None = None,
        extra: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """The whole result of a query over the tables. Arguments and errors are those of `rows`."""
        with self._reader(query, parameters, shards, extra, batch_rows=65536) as reader:
            return reader.read_all()

    @contextmanager
    def _reader(
        self,
        query: str,
        parameters: Sequence[Any],
        shards: Mapping[Table, Sequence[Location]] | None,
        extra: Mapping[str, pa.Table] | None,
        batch_rows: int,
    ) -> Iterator[pa.RecordBatchReader]:
        import duckdb

        with _database().cursor() as connection:
            for name, table in (extra or {}).items():
                connection.register(name, table)
            for its in Table:
                if re.search(rf"\b(all_)?{its}\b", query, re.IGNORECASE):
                    given = self.shards(its) if shards is None or its not in shards else shards[its]
                    _create_view(connection, its, given)
                else:
                    # It is not read, but DuckDB suggests the names that it knows.
                    connection.execute(f"CREATE TEMP VIEW {its} AS SELECT NULL")
            try:
                found = connection.sql(query, params=list(parameters))
                if found is None:
                    raise StoreError("the query is empty")
                yield found.to_arrow_reader(batch_rows)
            except (duckdb.Error, OSError) as error:  # of a later batch, Arrow passes on the message alone
                raise StoreError(f"the query failed: {_in_one_line(error)}") from error


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """An empty database, of which every query has a connection with views of its own: to open one takes 15 ms."""
    import duckdb

    atexit.register(_database.cache_clear)  # what is left open at the end, DuckDB complains of
    return duckdb.connect(config={"enable_external_file_cache": False})  # what was read once is not read again


def read_blocks(shards: Iterable[Location], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of shards, block by block."""
    for shard in shards:
        yield from pq.ParquetFile(readable(shard)).iter_batches(columns=list(columns))


def _identity(row: Mapping[str, Any]) -> str:
    return f"{row['key']}:{row.get('index', '')}"


def _in_one_line(error: Exception) -> str:
    """The cause and DuckDB's hint, without the query's own line and the list of all functions of that name."""
    told, *_ = str(error).split("\n\nLINE ")
    return " ".join(line for line in told.splitlines() if line and not line.startswith("\t"))


def _create_view(connection: duckdb.DuckDBPyConnection, table: Table, shards: Sequence[Location]) -> None:
    paths, filesystem = for_arrow(shards)
    if not paths:
        connection.register(f"all_{table}", SCHEMAS[table].empty_table())
    elif filesystem is None:
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        connection.execute(f"CREATE TEMP VIEW all_{table} AS SELECT * FROM read_parquet([{listed}])")
    else:  # DuckDB's own way to buckets is an extension to be downloaded, and by way of fsspec it is slower
        from pyarrow.dataset import dataset

        connection.register(f"all_{table}", dataset(paths, SCHEMAS[table], format="parquet", filesystem=filesystem))
    connection.execute(f"CREATE TEMP VIEW {table} AS {_one_row_a_key(table)}")


def _one_row_a_key(table: Table) -> str:
    columns = SCHEMAS[table].names
    identity = "key, index" if "index" in columns else "key"
    # What failed or was missing may have been made since: the finished row counts. Where a row was finished twice, any
    # rule does that depends on the rows alone.
    finished = [name for name in ("confidence", "correct", "verdict", "p_true", "text") if name in columns]
    order = [f'"{name}" NULLS LAST' for name in finished]
    if "error" in columns:
        order.insert(0, '"error" NULLS FIRST')
    preference = ", ".join(order or ["key"])
    return f"SELECT DISTINCT ON ({identity}) * FROM all_{table} ORDER BY {identity}, {preference}"


def _is_whole(path: Location) -> bool:
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
