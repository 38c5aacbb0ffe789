"""Keys: hashes that name what determines a row, and names that may stand in a path."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

_PIECE = 1 << 24
_LONGEST = 200  # of a name in a path: file systems take 255 bytes, and hashes and suffixes stand behind it


def digest(*parts: object) -> str:
    """A 128-bit hash, as 32 hex digits, of parts that cannot run into one another."""
    return _hash(parts).hexdigest()


def digest_after(first: tuple[str, ...], *parts: object) -> str:
    """`digest(*first, *parts)`, for first parts that many keys share: they are hashed once."""
    return _hash(parts, _hash_once(first).copy()).hexdigest()


def digest_files(paths: Iterable[Path]) -> str:
    """`digest` of the hexadecimal digits of files, which are read piece by piece."""
    h = hashlib.blake2b(digest_size=16)
    for path in paths:
        h.update((2 * path.stat().st_size).to_bytes(8, "little"))
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                h.update(piece.hex().encode())
    return h.hexdigest()


@lru_cache(maxsize=4096)
def _hash_once(parts: tuple[str, ...]) -> hashlib.blake2b:
    return _hash(parts)


def _hash(parts: Iterable[object], after: hashlib.blake2b | None = None) -> hashlib.blake2b:
    h = after or hashlib.blake2b(digest_size=16)
    for part in parts:
        text = str(part).encode()
        h.update(len(text).to_bytes(8, "little"))
        h.update(text)
    return h


def safe_names(names: Sequence[str]) -> dict[str, str]:
    """Different names as different parts of paths: as `safe_name` has them, with a hash where two would be the same."""
    counts = Counter(map(safe_name, names))
    return {name: safe if counts[safe := safe_name(name)] == 1 else f"{safe}-{digest(name)[:8]}" for name in names}


def safe_name(name: str) -> str:
    """A name as part of a path: letters, digits, dots, dashes and underscores, with no dot or dash at either end.

    A long one is cut, and ends with a hash.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "unnamed"
    return safe if len(safe) <= _LONGEST else f"{safe[: _LONGEST - 9]}-{digest(name)[:8]}"
