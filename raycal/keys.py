"""Keys: hashes that name what determines a row, and names that may stand in a path."""

from __future__ import annotations

import hashlib
import re


def digest(*parts: object) -> str:
    """A 128-bit hash, as 32 hex digits, of parts that cannot run into one another."""
    h = hashlib.blake2b(digest_size=16)
    for part in parts:
        text = str(part).encode()
        h.update(len(text).to_bytes(8, "little"))
        h.update(text)
    return h.hexdigest()


def safe_name(name: str) -> str:
    """A name as part of a path: letters, digits, dots, dashes and underscores, with no dot or dash at either end."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "unnamed"
