"""Folders that are there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes `folder` when the block ends, and is gone when the block fails.

    Where another process was faster its folder stays: the name must tell all that determines the content.
    """
    aside = folder.with_name(f".{folder.name}-{uuid4().hex}")
    aside.mkdir(parents=True)
    try:
        yield aside
        try:
            aside.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
