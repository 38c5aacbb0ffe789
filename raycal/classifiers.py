"""Fitted classifiers: where one is, and how it came about. Fitted once by a run, and used by any."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from raycal.confidence.classifier import ClassifierError, ClassifierHead, fit_classifier, low_entropy
from raycal.config import Classifier, Target
from raycal.features import feature_reader
from raycal.fitted_settings import check_settings, write_settings
from raycal.graded import AnsweredQuestion, answered, first_by_hash
from raycal.keys import digest
from raycal.location import Location
from raycal.questions.question import Split
from raycal.run import Run
from raycal.whole_folder import is_whole, whole_folder

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
    if not is_whole(folder):
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
) -> tuple[list[AnsweredQuestion], NDArray[np.bool_]]:
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


def _name(run: Run, method: Classifier, rows: list[AnsweredQuestion], labels: NDArray[np.bool_]) -> str:
    identity = method.identity(exclude=("fitted", "model"))
    reads = feature_reader(run, method).key("", method.layer)
    taught = sorted(f"{row.answer_key}:{label}" for row, label in zip(rows, labels.tolist(), strict=True))
    return f"{run.reading(method).model.short_name}-{digest(identity, reads, run.experiment.seed, *taught)[:12]}"


def _install(head: ClassifierHead, method: Classifier, folder: Location) -> None:
    with whole_folder(folder) as aside:
        head.save(aside / _WEIGHTS)
        write_settings(aside, method)
