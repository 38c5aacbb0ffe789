"""The settings beside an adapter or a classifier: how it was fitted, and so how it must be used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic_core import to_jsonable_python

from raycal.config import Classifier, FineTuned
from raycal.location import Location

_FILE = "raycal.json"
_WHERE = {"adapter", "fitted"}  # where it lies, which it need not know of itself


class SettingsError(ValueError):
    """A method would use what was fitted in another way than it was fitted; the message says what to set."""


def write_settings(folder: Path, method: Classifier | FineTuned) -> None:
    """Write a method's settings beside what was fitted by them."""
    (folder / _FILE).write_text(method.model_dump_json(indent=2, exclude=_WHERE))


def read_settings(folder: Location) -> dict[str, object]:
    """The settings in a folder; none where what is there was not fitted by raycal."""
    path = folder / _FILE
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def check_settings(folder: Location, method: Classifier | FineTuned, names: Sequence[str]) -> None:
    """Raise SettingsError where one of the named settings is another than that by which the folder's was fitted.

    An option that raycal did not have when it wrote the settings was at its default then. What raycal has not fitted
    has no settings, and is used as the method says.
    """
    settings, wanted = read_settings(folder), method.model_dump(mode="json")
    if not settings:
        return
    for name in names:
        default = type(method).model_fields[name].get_default()
        fitted = settings.get(name, to_jsonable_python(default))
        if fitted != wanted[name]:
            raise SettingsError(
                f"{method.label}: what is in {folder} was fitted with {name}: {json.dumps(fitted)}, "
                f"and is asked for with {json.dumps(wanted[name])}: set {name} to the first"
            )
