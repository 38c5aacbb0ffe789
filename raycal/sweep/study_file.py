"""Where the database of a sweep's study lies: in the store, or, where that is a bucket, on this machine meanwhile."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from tempfile import mkdtemp

from raycal.location import Location
from raycal.whole_file import whole_file

DATABASE = "study.db"


class StudyFile:
    """An SQLite file in `folder`, which is the sweep's own or, of one in a bucket, a local one with a copy."""

    def __init__(self, kept: Location) -> None:
        self._kept = kept / DATABASE
        if isinstance(kept, Path):
            self.folder = kept
            return
        self.folder = Path(mkdtemp(prefix="raycal-study-"))
        if self._kept.is_file():
            (self.folder / DATABASE).write_bytes(self._kept.read_bytes())

    def keep(self) -> None:
        """Put the study as it is now into the bucket; in a folder it is there already, and elsewhere none of ours."""
        if isinstance(self._kept, Path) or not (self.folder / DATABASE).is_file():
            return
        with (
            whole_file(self._kept) as aside,
            closing(connect(self.folder / DATABASE)) as study,
            closing(connect(aside)) as copy,
        ):
            study.backup(copy)
