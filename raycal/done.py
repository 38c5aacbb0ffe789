"""What of a recipe the store has, told by keys alone, in about fifty bytes a question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycal.key_set import KEY, Keys, KeySet
from raycal.location import Location
from raycal.recipe import Recipe
from raycal.schemas import Table
from raycal.store import Store

# Samples of one key that follow one another, first to last; so written, their bytes sort as they do.
_RUN = np.dtype([("key", KEY), ("first", ">u2"), ("last", ">u2")])


@dataclass(frozen=True)
class Done:
    """The keys that are there: of each samples key also how many samples there are without a gap."""

    answers: KeySet
    queries: KeySet
    samples: KeySet
    gapless: NDArray[np.uint16]

    @classmethod
    def read(cls, store: Store, recipe: Recipe, *, retry_errors: bool) -> Done:
        """Read the keys of one recipe; with `retry_errors`, rows that failed count as not there."""
        where = "WHERE error IS NULL" if retry_errors else ""

        def read(table: Table, columns: str, shards: Sequence[Location]) -> Iterator[pa.RecordBatch]:
            # Of a key that stands twice, one row is as good as the other here: no view has to choose between them.
            return store.batches(f"SELECT {columns} FROM all_{table} {where}", table, shards)

        def keys(table: Table) -> KeySet:
            # Listed once: other runs may be writing. What one writes anew has as many rows, failed ones among them.
            shards = store.shards(table, recipe.partitions[table])
            counts = store.batches(f"SELECT count(*) AS n FROM all_{table}", table, shards)
            found = np.empty(sum(batch["n"][0].as_py() for batch in counts), KEY)
            end = 0
            for batch in read(table, "unhex(key) AS key", shards):  # in place: two copies would be twice the memory
                found[end : end + len(batch)] = _as_bytes(batch["key"])
                end += len(batch)
            return KeySet.sorting(found[:end])

        # Samples come first, while nothing else takes memory: they need the most.
        sampled = store.shards(Table.SAMPLES, recipe.partitions[Table.SAMPLES])
        samples, gapless = _without_gaps(map(_runs, read(Table.SAMPLES, "unhex(key) AS key, index", sampled)))
        return cls(keys(Table.ANSWERS), keys(Table.QUERIES), samples, gapless)

    def sample_counts(self, keys: Sequence[str]) -> NDArray[np.uint16]:
        """How many samples there are of each key, counted from index 0 to the first gap."""
        places = self.samples.places(keys)
        found = places >= 0
        counts = np.zeros(len(places), np.uint16)
        counts[found] = self.gapless[places[found]]
        return counts


def _runs(batch: pa.RecordBatch) -> NDArray[np.void]:
    """The samples of a batch as runs."""
    keys, indices = _as_bytes(batch["key"]), batch["index"].to_numpy()
    goes_on = (keys[1:] == keys[:-1]) & (indices[1:] == indices[:-1] + 1)
    starts = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    ends = np.concatenate([starts[1:], [len(keys)]]) - 1
    runs = np.empty(len(starts), _RUN)
    runs["key"], runs["first"], runs["last"] = keys[starts], indices[starts], indices[ends]
    return runs


def _without_gaps(portions: Iterator[NDArray[np.void]]) -> tuple[KeySet, NDArray[np.uint16]]:
    """The keys of all runs, and of each how many samples there are from index 0 to the first that is missing.

    A gap (a lost shard) ends the count: from there on the samples are made again.
    """
    runs = np.concatenate([np.empty(0, _RUN), *portions])
    runs.view(f"S{_RUN.itemsize}").sort()
    is_first = np.concatenate([np.ones(len(runs[:1]), bool), runs["key"][1:] != runs["key"][:-1]])
    found = KeySet(runs["key"][is_first])
    counts = np.where(runs["first"][is_first] == 0, runs["last"][is_first] + 1, 0).astype(np.uint16)
    for run in runs[~is_first]:
        place = np.searchsorted(found.keys, run["key"])
        if run["first"] <= counts[place]:
            counts[place] = max(counts[place], run["last"] + 1)
    return found, counts


def _as_bytes(keys: pa.Array) -> Keys:
    """A column of sixteen bytes a row, without an object for each."""
    _, values = keys.cast(pa.binary(16)).buffers()
    return np.frombuffer(values, KEY, len(keys))
