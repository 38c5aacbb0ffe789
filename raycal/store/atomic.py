"""Files and folders that become visible whole or not at all."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil

from raycal.store.keys import digest
from raycal.store.locations import Location, cache_folder

if TYPE_CHECKING:
    from raycal.store.s3 import BucketPath

_ASIDE = ".aside-"  # hidden, so that no reader of a folder of Parquet files picks up an unfinished one
_ABANDONED_S = 3600.0  # without a change, after which what another machine's process wrote counts as left behind


@contextmanager
def atomic_file(file: Location) -> Iterator[Path]:
    """The path of a file to write, which becomes `file` when the block ends, and is gone when the block fails.

    An OSError names `file`, whoever writes and however.
    """
    if not isinstance(file, Path):
        with _temporary_folder() as folder:
            yield folder / file.name
            file.fs.put_file(str(folder / file.name), file.path)
        return
    with _naming(file):
        aside = _beside(file)
        try:
            yield aside
            aside.replace(file)
        finally:
            aside.unlink(missing_ok=True)


_MARKER = "_SUCCESS"  # in a bucket, the last object of a folder


@contextmanager
def atomic_folder(folder: Location) -> Iterator[Path]:
    """An empty folder to fill, which becomes `folder` when the block ends, and is gone when the block fails.

    Where another process was faster its folder stays: the name must tell all that determines the content. An OSError
    names `folder`.
    """
    if not isinstance(folder, Path):
        with _temporary_folder() as filled:
            yield filled
            if not is_complete(folder):
                _put(filled, folder)
        return
    with _naming(folder):
        aside = _beside(folder)
        aside.mkdir()
        try:
            yield aside
            try:
                aside.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _put(filled: Path, folder: BucketPath) -> None:
    files = [path for path in filled.rglob("*") if path.is_file()]
    names = [(folder / path.relative_to(filled).as_posix()).path for path in files]
    folder.fs.put([str(path) for path in files], names)
    (folder / _MARKER).touch()


@contextmanager
def _naming(place: Location) -> Iterator[None]:
    """Have an OSError name what was to be written: those of Arrow and of a full disk name nothing or a passing file."""
    try:
        yield
    except OSError as error:
        if error.errno is None or (error.filename is not None and _ASIDE not in str(error.filename)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(place)) from error


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="raycal-") as folder, _naming(Path(folder)):
        yield Path(folder)


def _beside(place: Path) -> Path:
    """A path beside a place, for what is to become it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(place.parent)
    return place.with_name(f"{_ASIDE}{_machine()}-{os.getpid()}-{uuid4().hex}")


@cache
def _clear_leftovers(folder: Path) -> None:
    """Remove what killed writers left in a folder; looked for once a process."""
    for path in folder.glob(f"{_ASIDE}*"):
        with suppress(OSError):  # another process was faster, or it is another user's: no reason not to write
            if _is_abandoned(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_abandoned(aside: Path) -> bool:
    """Whether the writer is gone: a process of this machine that is no more, or any other's after an hour."""
    machine, _, rest = aside.name.removeprefix(_ASIDE).partition("-")
    pid = rest.partition("-")[0]
    if machine == _machine() and pid.isdecimal():
        return not psutil.pid_exists(int(pid))
    return time.time() - aside.stat().st_mtime > _ABANDONED_S


@cache
def _machine() -> str:
    """A name that two machines, or two containers with processes of their own, do not share."""
    try:
        return digest(Path("/proc/sys/kernel/random/boot_id").read_text(), Path("/proc/self/ns/pid").readlink())[:8]
    except OSError:  # no Linux
        return digest(platform.node())[:8]


def is_complete(folder: Location) -> bool:
    """Whether a folder that `atomic_folder` makes is there."""
    return folder.is_dir() if isinstance(folder, Path) else (folder / _MARKER).is_file()


def local_copy(folder: Location) -> Path:
    """A folder itself, or, of one in a bucket, this machine's copy of what is there now; made on first use."""
    if isinstance(folder, Path):
        return folder
    objects = folder.fs.find(folder.path, detail=True)
    versions = [f"{name} {objects[name]['ETag']}" for name in sorted(objects)]
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
