"""Fitted artifacts beside the store: classifiers, and the settings by which they and adapters were fitted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic_core import to_jsonable_python

from raycal.errors import RaycalError
from raycal.experiment.run import Run
from raycal.methods.base import Method, SavedMethod, SavedPredictor
from raycal.methods.evidence import Evidence
from raycal.stages.answers import GradedAnswer
from raycal.stages.features import feature_reader
from raycal.store.atomic import atomic_folder, is_complete
from raycal.store.json_file import read_object
from raycal.store.keys import digest
from raycal.store.locations import Location, check
from raycal.store.schemas import Table


def load_artifact(method: SavedMethod, folder: Location) -> SavedPredictor:
    """What an earlier run fitted. Raises SettingsError, and what the method's `load` raises."""
    check_settings(folder, method, method.read_options)
    return method.load(folder / method.file_name)


def artifact_fingerprint(method: SavedMethod, folder: Location) -> str:
    """What names a fit of an earlier run in keys. Raises as `load_artifact` does."""
    load_artifact(method, folder)
    return digest((folder / method.file_name).read_bytes().hex())


def kept_fit(
    run: Run, method: SavedMethod, rows: Sequence[GradedAnswer], evidence: Sequence[Evidence], targets: NDArray[Any]
) -> SavedPredictor:
    """The fit of a method on some answers, found again in the store where it is there.

    evidence, targets: of each row. Raises what the method's `fit` and `load` raise.
    """
    folder = run.store.root / method.folder_name / _name(run, method, rows, targets)
    if not is_complete(folder):
        fitted = method.fit(evidence, targets, seed=run.experiment.seed)
        with atomic_folder(folder) as aside:
            fitted.save(aside / method.file_name)
            write_settings(aside, method)
    return method.load(folder / method.file_name)


def _name(run: Run, method: SavedMethod, rows: Sequence[GradedAnswer], targets: NDArray[Any]) -> str:
    needs, recipe = method.needs(), run.recipe
    identity = method.identity(exclude=method.place_options)
    reads = [json.dumps(run.recipe.query_provenance[prompt]) for prompt in needs.prompts]
    if needs.samples:
        reads.append(run.recipe.partitions[Table.SAMPLES])
    if needs.states is not None:
        reader = feature_reader(run, needs.states)
        recipe = reader.recipe
        reads.append(reader.key("", needs.states.layer))
    taught = sorted(f"{row.answer_key}:{target}" for row, target in zip(rows, targets.tolist(), strict=True))
    return f"{recipe.model.short_name}-{digest(identity, *reads, run.experiment.seed, *taught)[:12]}"


_FILE = "raycal.json"
_WHERE = {"adapter", "fitted"}  # where it lies, which it need not know of itself


class SettingsError(RaycalError, ValueError):
    """A method would use what was fitted in another way than it was fitted; the message says what to set."""


def write_settings(folder: Path, method: Method) -> None:
    """Write a method's settings beside what was fitted by them."""
    (folder / _FILE).write_text(method.model_dump_json(indent=2, exclude=_WHERE))


def read_settings(folder: Location) -> dict[str, object]:
    """The settings in a folder; none where what is there was not fitted by raycal. Raises JsonFileError."""
    path = folder / _FILE
    return read_object(path) if path.is_file() else {}


def check_settings(folder: Location, method: Method, names: Sequence[str]) -> None:
    """Raise SettingsError where one of the named settings is another than that by which the folder's was fitted.

    An option that raycal did not have when it wrote the settings was at its default then. What raycal has not fitted
    has no settings, and is used as the method says. Raises JsonFileError where the settings cannot be read; OSError
    within seconds where the folder's bucket cannot be asked.
    """
    check(folder)
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
