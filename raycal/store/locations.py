"""Places of results: a local folder, a mount, or a place in an S3 bucket; and the cache of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from errno import EACCES, ENOTDIR
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from raycal.errors import RaycalError
from raycal.text.secrets import has_secret

if TYPE_CHECKING:
    from raycal.store.s3 import BucketPath


def cache_folder() -> Path:
    """$RAYCAL_CACHE, or ~/.cache/raycal."""
    return Path(os.environ.get("RAYCAL_CACHE") or Path.home() / ".cache" / "raycal")


Location: TypeAlias = "Path | BucketPath"

_URL = re.compile(r"([A-Za-z][\w+.-]+):/(.*)", re.DOTALL)  # with one slash too, which pathlib leaves of two
_IN_BUCKET = re.compile(r"/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#*\[]*)?", re.DOTALL)


class LocationError(RaycalError, ValueError):
    """There can be no storage at a place; the message says why, and repeats no part of it that may be a secret."""


def location(place: str | Location) -> Location:
    """A local path, with ~/ for the home folder, or s3://BUCKET/PREFIX.

    Raises LocationError for anything else, and where s3fs is missing.
    """
    if isinstance(place, Path):
        return place
    if not isinstance(place, str):
        return _as_it_is(place)
    if has_secret(place):
        raise LocationError("it has a password in it: leave it out, credentials and endpoint come from the environment")
    if "\0" in place:
        raise LocationError("write a folder without NUL characters, or s3://BUCKET/PREFIX")
    url = _URL.fullmatch(place)
    if url is None:
        return Path(place).expanduser() if place.startswith("~/") else Path(place)
    scheme, rest = url.groups()
    if scheme != "s3":
        raise LocationError(f"there is no storage of the kind {scheme}: write a folder, or s3://BUCKET/PREFIX")
    if not _IN_BUCKET.fullmatch(rest):
        raise LocationError(
            "write it as s3://BUCKET/PREFIX, and nothing else: credentials and endpoint come from the environment"
        )
    if find_spec("s3fs") is None:
        raise LocationError("a storage on S3 needs the package s3fs: install raycal[s3]")
    from raycal.store.s3 import BucketPath

    return BucketPath(f"s3:/{rest.rstrip('/')}")


def expand_home(path: Path) -> Path:
    """A path with a leading ~ as the home folder, which a shell leaves in place behind an equals sign."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises where there is no such user


def check(place: Location) -> None:
    """Raise OSError where a bucket is not there, refuses access or does not answer; folders are made as needed."""
    if not isinstance(place, Path):
        place.check()


def check_writable(place: Location) -> None:
    """Raise OSError where nothing could be written to a place, without trying."""
    check(place)
    if not isinstance(place, Path):
        return
    nearest = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    for missing, code in ((not nearest.is_dir(), ENOTDIR), (not os.access(nearest, os.W_OK | os.X_OK), EACCES)):
        if missing:
            raise OSError(code, os.strerror(code), str(place))


def for_arrow(places: Sequence[Location]) -> tuple[list[str], Any]:
    """Paths and their filesystem (None: this machine's), as Arrow's readers and Ray take them."""
    local = [str(place) for place in places if isinstance(place, Path)]
    if len(local) == len(places):
        return local, None
    from raycal.store.s3 import arrow_filesystem

    return [place.path for place in places if not isinstance(place, Path)], arrow_filesystem()


def readable(place: Location) -> Path | BytesIO:
    """What pyarrow.parquet reads one file from."""
    return place if isinstance(place, Path) else BytesIO(place.read_bytes())


def _as_it_is(place: object) -> BucketPath:
    from upath import UPath

    if not isinstance(place, UPath):  # an experiment file may hold anything
        raise LocationError("write a folder, or s3://BUCKET/PREFIX")
    return cast("BucketPath", place)
