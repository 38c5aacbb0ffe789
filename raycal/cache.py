"""Where this machine keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$RAYCAL_CACHE, or ~/.cache/raycal."""
    return Path(os.environ.get("RAYCAL_CACHE") or Path.home() / ".cache" / "raycal")
