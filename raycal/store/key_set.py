"""Sets of keys in sixteen bytes a key: what a store of a billion rows has must fit in one process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEY = "S16"  # compared byte by byte, zeros at the end included

Keys = NDArray[np.bytes_]


@dataclass(frozen=True)
class KeySet:
    """128-bit keys, as bytes, sorted, each once."""

    keys: Keys

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def sorting(cls, keys: Keys) -> KeySet:
        """The set of an array of keys, which is sorted in place."""
        keys.sort()
        again = keys[1:] == keys[:-1]
        return cls(np.delete(keys, np.flatnonzero(again)) if again.any() else keys)

    def places(self, keys: Sequence[str]) -> NDArray[np.intp]:
        """The place of each key in the sorted set, -1 where it is not there."""
        return self._places(_packed(keys))

    def has(self, keys: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each key is there."""
        return self.places(keys) >= 0

    def _places(self, wanted: Keys) -> NDArray[np.intp]:
        if not len(self.keys):
            return np.full(len(wanted), -1)
        places = np.searchsorted(self.keys, wanted)
        is_there = self.keys[np.minimum(places, len(self.keys) - 1)] == wanted
        return np.where(is_there, places, -1)


def gathered(portions: Iterable[Keys]) -> Keys:
    """One array of all portions, in place: to concatenate them would take twice the memory."""
    keys = np.empty(0, KEY)
    end = 0
    for portion in portions:
        if end + len(portion) > len(keys):
            keys.resize(max(end + len(portion), len(keys) * 3 // 2), refcheck=False)
        keys[end : end + len(portion)] = portion
        end += len(portion)
    keys.resize(end, refcheck=False)
    return keys


class GrowingKeySet:
    """A set that keys are added to, in sorted runs of which each is at least twice as long as the next."""

    def __init__(self) -> None:
        self._runs: list[KeySet] = []

    def add(self, keys: Sequence[str]) -> NDArray[np.bool_]:
        """Add keys; returns which of them were not there, of those that are given twice the first."""
        packed = _packed(keys)
        unique, firsts = np.unique(packed, return_index=True)
        new = np.zeros(len(packed), bool)
        new[firsts] = ~np.any([run._places(unique) >= 0 for run in self._runs], axis=0)
        added = np.sort(packed[new])
        if not len(added):
            return new
        while self._runs and len(self._runs[-1]) < 2 * len(added):
            added = np.sort(np.concatenate([self._runs.pop().keys, added]), kind="stable")
        self._runs.append(KeySet(added))
        return new


def _packed(keys: Sequence[str]) -> Keys:
    return np.frombuffer(bytes.fromhex("".join(keys)), dtype=KEY)
