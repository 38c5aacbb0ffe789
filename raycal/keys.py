"""Keys: hashes that name what determines a row."""

from __future__ import annotations

import hashlib


def digest(*parts: object) -> str:
    """A 128-bit hash, as 32 hex digits, of parts that cannot run into one another."""
    h = hashlib.blake2b(digest_size=16)
    for part in parts:
        text = str(part).encode()
        h.update(len(text).to_bytes(8, "little"))
        h.update(text)
    return h.hexdigest()
