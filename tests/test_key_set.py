"""Sets of keys say what a Python set would, byte for byte."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raycal.store.key_set import KEY, GrowingKeySet, KeySet

# Zero bytes at the end, and keys that differ in nothing else, are what fixed-width strings are apt to lose.
KEYS = st.lists(st.sampled_from([b"", b"\0", b"\1", b"\1\0\0", b"\0\1", b"\xff" * 16]) | st.binary(max_size=16))


def hexed(keys: list[bytes]) -> list[str]:
    return [key.ljust(16, b"\0").hex() for key in keys]


@given(KEYS, KEYS)
def test_what_is_there_is_found_and_nothing_else(there: list[bytes], wanted: list[bytes]) -> None:
    keys, asked = hexed(there), hexed(wanted)
    found = KeySet.sorting(np.array([bytes.fromhex(key) for key in keys], KEY))
    assert len(found) == len(set(keys))
    assert found.has(asked).tolist() == [key in keys for key in asked]
    assert [sorted(set(keys))[place] for place in found.places(keys)] == keys


@given(st.lists(KEYS, max_size=6))
def test_the_first_of_equal_keys_is_new_and_no_other(portions: list[list[bytes]]) -> None:
    growing, seen = GrowingKeySet(), set[str]()
    for keys in map(hexed, portions):
        new = growing.add(keys).tolist()
        for key, is_new in zip(keys, new, strict=True):
            assert is_new == (key not in seen)
            seen.add(key)
