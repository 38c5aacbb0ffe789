"""Results that are remembered as long as the shards are the same that they were read from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from raycal.store.locations import Location

T = TypeVar("T")


class ShardMemo:
    """The last result of each name. A shard never changes, so that equal lists of shards give equal results.

    >>> memo = ShardMemo()
    >>> memo.get("answer", [], lambda: 42)
    42
    >>> memo.get("answer", [], lambda: 43)
    42
    """

    def __init__(self) -> None:
        self._results: dict[Hashable, tuple[tuple[Location, ...], Any]] = {}

    def has(self, name: Hashable) -> bool:
        """Whether there is a result of a name, of whatever shards."""
        return name in self._results

    def get(self, name: Hashable, shards: Sequence[Location], read: Callable[[], T]) -> T:
        """What `read` makes of some shards; read again where they are not those of the last time."""
        known = self._results.get(name)
        if known is None or known[0] != tuple(shards):
            known = self._results[name] = (tuple(shards), read())
        result: T = known[1]
        return result
