"""Keyed tables in Parquet shards; no other package touches files of data.

A table is a folder of partitions, a partition a folder of shards. A shard is written aside and renamed, or put into a
bucket by one request, so that it is visible whole or not at all, and its name derives from the keys in it, so that a
retried task overwrites its own work. Rows are never edited. Where several shards hold the same key, readers see one
row: a finished one before a failed one. A shard with failed rows lies in a folder of the name that it would have
without, by a name for each set of them, so that in no order of events it takes the place of finished rows. Shards of
several releases are read together: a column that one lacks is null. What is replaced as a whole keeps one name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from raycal import __version__
from raycal.errors import RaycalError
from raycal.store.atomic import atomic_file
from raycal.store.keys import digest
from raycal.store.locations import Location, check, location, readable
from raycal.store.schemas import SCHEMAS, Table
from raycal.store.shards import (
    IDENTITY,
    current_shards,
    foreign_columns,
    foreign_shard_fault,
    is_whole,
    not_ours,
    shard_fault,
    shards_under,
)
from raycal.store.views import check_reads_only, create_view, database, exact, in_one_line, isolated_database

# Of a store's keys and columns: raise it where either changes, so that an older raycal leaves the store alone.
STORE_FORMAT = 1
_FORMAT_FILE = "store.json"

_PORTION = 256  # shards that are read together where memory counts


class StoreError(RaycalError, ValueError):
    """The store cannot be read; the message says where and why."""


class _Format(BaseModel):
    """What a store says of itself."""

    format: int
    raycal: str  # the version that wrote the first shard of this format


class Store:
    """The tables under one root folder."""

    def __init__(self, root: Location | str) -> None:
        self.root = location(root)
        self._is_marked = False

    @classmethod
    def open(cls, root: Location | str) -> Store:
        """The store at a place, as a command opens it; it need not be there yet.

        Raises StoreError where a newer raycal wrote it, and OSError for a storage that cannot be used.
        """
        store = cls(root)
        check(store.root)
        store.format()
        return store

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def format(self) -> int:
        """The format of the newest shards, 0 where the store does not say. Raises StoreError where that is unknown."""
        file = self.root / _FORMAT_FILE
        if not file.is_file():
            return 0
        try:
            written = _Format.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise StoreError(f"{file} is not as raycal writes it: bring back the one that was there") from error
        if written.format > STORE_FORMAT:
            raise StoreError(
                f"the store {self.root} has format {written.format}, of raycal {written.raycal}, and this raycal "
                f"({__version__}) knows formats up to {STORE_FORMAT}: upgrade raycal, or name another store"
            )
        return written.format

    def folder(self, table: Table, partition: str) -> Location:
        """Where a partition's shards lie."""
        return self.root / table / partition

    def shard(
        self, table: Table, partition: str, keys: Collection[str], failed: Collection[str] = frozenset()
    ) -> Location:
        """The path of the shard that holds exactly these keys, whether it has been written or not.

        failed: those of the keys whose rows have an error.
        """
        name = digest(*sorted(keys))
        folder = self.folder(table, partition)
        return folder / name / f"{digest(*sorted(failed))}.parquet" if failed else folder / f"{name}.parquet"

    def write(self, table: Table, partition: str, rows: Sequence[Mapping[str, Any]]) -> Location | None:
        """Write rows as one shard, whole or not at all; returns its path, None where there are no rows.

        Columns that a row lacks are null. A sample's key is completed by its index. Raises StoreError as `format` does.
        """
        if not rows:
            return None
        failed = {_identity(row) for row in rows if row.get("error")}
        path = self.shard(table, partition, [_identity(row) for row in rows], failed)
        self._write(path, table, rows)
        return path

    def _write(self, path: Location, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        self._mark()
        with atomic_file(path) as aside:
            pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMAS[table]), aside)

    def _mark(self) -> None:
        """Have the store say that there are shards of today's format, before the first of them is there."""
        if self._is_marked:
            return
        if self.format() < STORE_FORMAT:
            with atomic_file(self.root / _FORMAT_FILE) as aside:
                aside.write_text(_Format(format=STORE_FORMAT, raycal=__version__).model_dump_json())
        self._is_marked = True

    def replace(self, table: Table, partition: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows as a partition's only shard, in place of those that an earlier computation left there.

        Its name is always the same: who reads meanwhile has the rows that were there or those that are.
        """
        path = self.folder(table, partition) / f"{digest(partition)}.parquet"
        if rows:
            self._write(path, table, rows)
        for shard in self.shards(table, partition):
            if not rows or shard != path:
                shard.unlink(missing_ok=True)

    def finished(self, table: Table, partition: str, keys: Iterable[str]) -> set[str]:
        """Those of some keys ("key:index", the index empty where there is none) whose rows have no error.

        Looks into the shards with exactly these keys, and no other.
        """
        path = self.shard(table, partition, list(keys))
        shards = [*filter(is_whole, [path] if path.is_file() else []), *shards_under(path.with_suffix(""))]
        columns = [name for name in (*IDENTITY, "error") if name in SCHEMAS[table].names]
        blocks = read_blocks(table, shards, columns)
        return {_identity(row) for block in blocks for row in block.to_pylist() if not row.get("error")}

    def shards(self, table: Table, partition: str | None = None) -> list[Location]:
        """The readable shards of a partition, or of all, sorted; one that was cut off is left out with a warning.

        Raises OSError where the storage cannot be asked.
        """
        if partition is not None:
            return shards_under(self.folder(table, partition))
        folder = self.root / table
        return [shard for shard in shards_under(folder) if shard.parent != folder]

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
        for batch in self._query(query, parameters, shards, extra, batch_rows):
            yield from batch.to_pylist()

    def batches(self, query: str, table: Table, shards: Sequence[Location]) -> Iterator[pa.RecordBatch]:
        """The result of a query that looks at rows of one table each by itself, streamed in columns.

        The shards are read in portions: DuckDB takes some ten kilobytes for each that is open. Raises StoreError.
        """
        for start in range(0, max(len(shards), 1), _PORTION):
            portion = {table: shards[start : start + _PORTION]}
            yield from filter(len, self._query(query, (), portion, None, batch_rows=65536))

    def arrow(
        self,
        query: str,
        parameters: Sequence[Any] = (),
        *,
        shards: Mapping[Table, Sequence[Location]] | None = None,
        extra: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """The whole result of a query over the tables. Arguments and errors are those of `rows`."""
        return pa.Table.from_batches(self._query(query, parameters, shards, extra, batch_rows=65536))

    def foreign_arrow(self, query: str) -> pa.Table:
        """The result of anybody's query, which reads the tables and can do nothing else.

        Raises NotReadingError where it would, and StoreError as `rows` does.
        """
        return pa.Table.from_batches(self._query(query, (), None, None, batch_rows=65536, isolated=True))

    def _query(
        self,
        query: str,
        parameters: Sequence[Any],
        shards: Mapping[Table, Sequence[Location]] | None,
        extra: Mapping[str, pa.Table] | None,
        batch_rows: int,
        *,
        isolated: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """The result of a query, at least one batch; begun anew where a shard was replaced before the first."""
        import duckdb

        named = [table for table in Table if re.search(rf"\b(all_)?{table}\b", query, re.IGNORECASE)]
        narrowed = shards or {}
        read = {table: narrowed[table] if table in narrowed else self.shards(table) for table in named}
        has_begun = False
        while not has_begun:
            try:
                with self._reader(query, parameters, read, extra, batch_rows, isolated=isolated) as reader:
                    for batch in reader:
                        has_begun = True
                        yield batch
                    if not has_begun:
                        nothing = [pa.nulls(0, field.type) for field in reader.schema]
                        yield pa.RecordBatch.from_arrays(nothing, schema=reader.schema)
                    return
            except (duckdb.Error, OSError, pa.ArrowException) as error:
                check(self.root)
                before, read = read, {table: current_shards(listed) for table, listed in read.items()}
                if has_begun or read == before:
                    # Of a later batch, Arrow passes on the message alone. Which shard it was, neither says.
                    fault = next(filter(None, (shard_fault(table, before[table]) for table in before)), None)
                    raise StoreError(fault or f"the query failed: {in_one_line(error)}") from error

    @contextmanager
    def _reader(
        self,
        query: str,
        parameters: Sequence[Any],
        shards: Mapping[Table, Sequence[Location]],
        extra: Mapping[str, pa.Table] | None,
        batch_rows: int,
        *,
        isolated: bool,
    ) -> Iterator[pa.RecordBatchReader]:
        with isolated_database() if isolated else database().cursor() as connection:
            for name, table in (extra or {}).items():
                connection.register(name, table)
            for table, read in shards.items():
                if fault := foreign_shard_fault(table, read):
                    raise StoreError(fault)
                create_view(connection, table, read, isolated=isolated)
            if isolated:
                check_reads_only(connection, query)
            result = connection.sql(query, params=list(parameters))
            if result is None:
                raise StoreError("the query is empty")
            yield exact(result).to_arrow_reader(batch_rows)


def read_blocks(table: Table, shards: Iterable[Location], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a table's shards, block by block; one that a shard lacks is null. Raises StoreError."""
    schema = pa.schema([SCHEMAS[table].field(name) for name in columns])
    for shard in shards:
        try:
            file = pq.ParquetFile(readable(shard))
            if reason := foreign_columns(table, file.schema_arrow):
                raise StoreError(not_ours(shard, reason))
            for block in file.iter_batches(columns=list(columns)):
                there = block.schema.names
                arrays = [
                    block[field.name].cast(field.type) if field.name in there else pa.nulls(len(block), field.type)
                    for field in schema
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        except (pa.ArrowException, OSError) as error:
            raise StoreError(shard_fault(table, [shard]) or f"{shard} cannot be read: {error}") from error


def _identity(row: Mapping[str, Any]) -> str:
    return f"{row['key']}:{row.get('index', '')}"
