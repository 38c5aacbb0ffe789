"""Files and folders that become visible whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from raycal.store.keys import digest
from raycal.store.locations import Location, cache_folder

_ASIDE = ".aside-"  # hidden, so that no reader of a folder of Parquet files picks up an unfinished one


@contextmanager
def atomic_file(file: Location) -> Iterator[Path]:
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


_MARKER = "_SUCCESS"  # in a bucket, the last object of a folder


@contextmanager
def atomic_folder(folder: Location) -> Iterator[Path]:
    """An empty folder to fill, which becomes `folder` when the block ends, and is gone when the block fails.

    Where another process was faster its folder stays: the name must tell all that determines the content.
    """
    if not isinstance(folder, Path):
        with TemporaryDirectory(prefix="raycal-") as filled:
            yield Path(filled)
            if not is_complete(folder):
                files = [path for path in Path(filled).rglob("*") if path.is_file()]
                names = [(folder / path.relative_to(filled).as_posix()).path for path in files]
                folder.fs.put([str(path) for path in files], names)
                (folder / _MARKER).touch()
        return
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


def is_complete(folder: Location) -> bool:
    """Whether a folder that `atomic_folder` makes is there."""
    return folder.is_dir() if isinstance(folder, Path) else (folder / _MARKER).is_file()


def local_copy(folder: Location) -> Path:
    """A folder itself, or, of one in a bucket, this machine's copy of what is there now; made on first use."""
    if isinstance(folder, Path):
        return folder
    found = folder.fs.find(folder.path, detail=True)
    versions = [f"{name} {found[name]['ETag']}" for name in sorted(found)]
    copy = cache_folder() / "copies" / f"{folder.name}-{digest(str(folder), *versions)[:16]}"
    if not copy.is_dir():
        with atomic_folder(copy) as aside:
            copy_folder(folder, aside)
    return copy


def copy_folder(folder: Location, to: Path) -> None:
    """Copy all that is in a folder into a local one."""
    if isinstance(folder, Path):
        shutil.copytree(folder, to, dirs_exist_ok=True)
    else:
        names = folder.fs.find(folder.path)
        folder.fs.get(names, [str(to / Path(name).relative_to(folder.path)) for name in names])


def remove_folder(folder: Location) -> None:
    """Remove a folder, where it is there, with all that is in it."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
    elif folder.is_dir():
        folder.fs.rm(folder.path, recursive=True)
