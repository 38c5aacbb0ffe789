"""Fitted artifacts beside the store: classifiers, and the settings by which they and adapters were fitted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_jsonable_python

from raycal.errors import RaycalError
from raycal.experiment.run import Run
from raycal.methods.classifier import ClassifierError, ClassifierHead, fit_classifier, low_entropy
from raycal.methods.options import Classifier, FineTuned, Target
from raycal.questions.question import Split
from raycal.stages.answers import GradedAnswer, answered, first_by_hash
from raycal.stages.features import feature_reader
from raycal.store.atomic import atomic_folder, is_complete
from raycal.store.keys import digest
from raycal.store.locations import Location

_WEIGHTS = "classifier.safetensors"
_READS = ("layer", "few_shot")  # what it must read, as when it was fitted


States = Mapping[str, NDArray[np.float32]]
# The confidences of the semantic entropy by answer key, computed where they are asked for.
Certainty = Callable[[], Mapping[str, float]]


def classifier_head(run: Run, method: Classifier, states: States, certainty: Certainty) -> ClassifierHead:
    """The head of a method: the one it names, or that fitted on training answers, found again where it is there.

    states: hidden states by answer key. certainty: of `method.entropy`. Raises ClassifierError and SettingsError.
    """
    if method.fitted is not None:
        return _load_fitted(method, method.fitted)
    rows, labels = _training(run, method, states, certainty)
    folder = run.store.root / "classifiers" / _name(run, method, rows, labels)
    if not is_complete(folder):
        fitting = np.stack([states[row.answer_key] for row in rows])
        _install(fit_classifier(method, fitting, labels, seed=run.experiment.seed), method, folder)
    return ClassifierHead.load(folder / _WEIGHTS)


def fitted_fingerprint(method: Classifier, folder: Location) -> str:
    """What names a classifier that an earlier run fitted in keys. Raises ClassifierError and SettingsError."""
    _load_fitted(method, folder)
    return digest((folder / _WEIGHTS).read_bytes().hex())


def _load_fitted(method: Classifier, folder: Location) -> ClassifierHead:
    check_settings(folder, method, _READS)
    return ClassifierHead.load(folder / _WEIGHTS)


def _training(
    run: Run, method: Classifier, states: States, certainty: Certainty
) -> tuple[list[GradedAnswer], NDArray[np.bool_]]:
    """The training answers with hidden states, and what the head is to say of each."""
    by_entropy = method.target is Target.SEMANTIC_ENTROPY
    known = certainty() if by_entropy else {}
    rows = [
        row
        for row in answered(run, [Split.TRAIN])
        if row.answer_key in states and (row.answer_key in known if by_entropy else row.correct is not None)
    ]
    if not rows:
        raise ClassifierError(f"{method.label} is fitted on the train split, which has no answers: add it to splits")
    rows = first_by_hash(rows, method.training_questions, run.experiment.seed)
    if by_entropy:
        return rows, low_entropy(1 - np.array([known[row.answer_key] for row in rows]))
    return rows, np.array([bool(row.correct) for row in rows])


def _name(run: Run, method: Classifier, rows: list[GradedAnswer], labels: NDArray[np.bool_]) -> str:
    identity = method.identity(exclude=("fitted", "model"))
    reads = feature_reader(run, method).key("", method.layer)
    taught = sorted(f"{row.answer_key}:{label}" for row, label in zip(rows, labels.tolist(), strict=True))
    return f"{run.reading(method).model.short_name}-{digest(identity, reads, run.experiment.seed, *taught)[:12]}"


def _install(head: ClassifierHead, method: Classifier, folder: Location) -> None:
    with atomic_folder(folder) as aside:
        head.save(aside / _WEIGHTS)
        write_settings(aside, method)


_FILE = "raycal.json"
_WHERE = {"adapter", "fitted"}  # where it lies, which it need not know of itself


class SettingsError(RaycalError, ValueError):
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
