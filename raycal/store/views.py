"""The store's tables as views of DuckDB: one row a key, whichever releases wrote the shards."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from raycal.errors import RaycalError
from raycal.store.locations import Location, for_arrow
from raycal.store.schemas import SCHEMAS, Table

if TYPE_CHECKING:
    import duckdb

_BEYOND_ARROW = frozenset({"uhugeint", "bignum"})


class NotReadingError(RaycalError, ValueError):
    """A query would do something else than read."""


@cache
def database() -> duckdb.DuckDBPyConnection:
    """A database of which every query has a connection with views of its own: to open one takes 15 ms.

    The database itself has the tables' names alone, which DuckDB lists and suggests; a connection's views hide them.
    """
    atexit.register(database.cache_clear)  # what is left open at the end, DuckDB complains of
    return _with_names({"enable_external_file_cache": False})  # what was read once is not read again


def isolated_database() -> duckdb.DuckDBPyConnection:
    """A database for anybody's query: no files, network or extensions, none of this process's variables."""
    options = ("enable_external_access", "autoload_known_extensions", "autoinstall_known_extensions")
    # Nothing is put aside on the disk either: what lies there could be read, and written.
    off = dict.fromkeys((*options, "python_enable_replacements"), False)
    connection = _with_names({**off, "temp_directory": ""})
    connection.execute("SET lock_configuration = true")
    return connection


def _with_names(config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(config=config)
    for table in Table:
        connection.execute(f"CREATE VIEW {table} AS SELECT NULL")
    return connection


def check_reads_only(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raise NotReadingError for a query with a statement that does anything but read; duckdb.Error for wrong SQL."""
    from duckdb import StatementType

    reading = (StatementType.SELECT, StatementType.EXPLAIN, StatementType.MULTI)  # the last is PIVOT
    other = next((one.type for one in connection.extract_statements(query) if one.type not in reading), None)
    if other is not None:
        raise NotReadingError(f"a query of a store only reads, as SELECT does: take the {other.name} out")


def create_view(
    connection: duckdb.DuckDBPyConnection, table: Table, shards: Sequence[Location], *, isolated: bool = False
) -> None:
    """Make shards the view TABLE, and `all_TABLE` with the rows as they were written, of one key perhaps several.

    isolated: the database opens no file itself.
    """
    paths, filesystem = for_arrow(shards)
    schema = SCHEMAS[table]
    if not paths:
        connection.register(f"all_{table}", schema.empty_table())
    elif filesystem is None and not isolated:
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        # A folder NAME=VALUE above a store is no column of it.
        source = f"read_parquet([{listed}], schema = {_schema_for_duckdb(schema)}, hive_partitioning = false)"
        connection.execute(f"CREATE TEMP VIEW all_{table} AS SELECT * FROM {source}")
    else:  # DuckDB's own way to buckets is an extension to be downloaded, and by way of fsspec it is slower
        from pyarrow.dataset import dataset

        connection.register(f"all_{table}", dataset(paths, schema, format="parquet", filesystem=filesystem))
    connection.execute(f"CREATE TEMP VIEW {table} AS {_one_row_a_key(table)}")


@cache
def _schema_for_duckdb(schema: pa.Schema) -> str:
    """A schema by which DuckDB has a column that a shard lacks as null.

    Its `union_by_name` would open every shard first, and not know of a column that none has.
    """
    with database().cursor() as connection:
        types = connection.from_arrow(schema.empty_table()).types
    columns = zip(schema.names, types, strict=True)
    described = (f"'{name}': {{name: '{name}', type: '{kind}', default_value: NULL}}" for name, kind in columns)
    return f"MAP {{{', '.join(described)}}}"


def exact(result: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """A query's result with integers that Arrow has no type for as texts: DuckDB hands them over as other numbers."""
    if not any(kind.id in _BEYOND_ARROW for kind in result.types):
        return result
    columns = zip(result.columns, result.types, strict=True)
    cast = [
        f'c{place}{"::VARCHAR" if kind.id in _BEYOND_ARROW else ""} AS "{name.replace(chr(34), chr(34) * 2)}"'
        for place, (name, kind) in enumerate(columns)
    ]
    places = ", ".join(f"c{place}" for place in range(len(cast)))  # of several columns of one name, each
    return result.query("result", f"SELECT {', '.join(cast)} FROM result AS result({places})")


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


def in_one_line(error: Exception) -> str:
    """The cause and DuckDB's hint, without the query's own line and the list of all functions of that name."""
    told, *_ = str(error).split("\n\nLINE ")
    return " ".join(line for line in told.splitlines() if line and not line.startswith("\t"))
