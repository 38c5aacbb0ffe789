"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from raycal.location import Location

_ASIDE = ".aside-"  # hidden, so that no reader of a folder of Parquet files picks up an unfinished one


@contextmanager
def whole_file(file: Location) -> Iterator[Path]:
    """The path of a file to write, which becomes `file` when the block ends, and is gone when the block fails."""
    if not isinstance(file, Path):
        with TemporaryDirectory(prefix="raycal-") as folder:
            aside = Path(folder) / file.name
            yield aside
            file.fs.put_file(str(aside), file.path)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f"{_ASIDE}{uuid4().hex}")
    try:
        yield aside
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
