"""Small files of JSON that anybody may have written."""

from __future__ import annotations

import json
from typing import Any

from raycal.errors import RaycalError
from raycal.store.locations import Location

_MOST_BYTES = 16 << 20


class JsonFileError(RaycalError, ValueError):
    """A file is not the JSON that it should be; the message names it."""


def read_object(path: Location) -> dict[str, Any]:
    """The JSON object in a file. Raises JsonFileError for anything else, and OSError where there is no such file."""
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise JsonFileError(f"{path} has {size:,} bytes, which is more than settings have: put back what wrote it")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise JsonFileError(f"{path} is nested too deep for settings: put back what wrote it") from error
    except ValueError as error:
        raise JsonFileError(f"{path} is not JSON ({error}): put back what wrote it") from error
    if not isinstance(content, dict):
        raise JsonFileError(
            f"{path} must hold a JSON object, and holds {type(content).__name__}: put back what wrote it"
        )
    return content
