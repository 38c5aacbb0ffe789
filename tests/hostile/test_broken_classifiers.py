"""Classifiers from anywhere: a file with other arrays than raycal writes ends in one sentence with its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from raycal.methods.classifier import ClassifierError, ClassifierHead

GOOD = {
    "mean": np.zeros(4),
    "scale": np.ones(4),
    "weights.0": np.ones((4, 2)),
    "bias.0": np.zeros(2),
    "weights.1": np.ones((2, 1)),
    "bias.1": np.zeros(1),
}
SHAPES, NUMBERS = "its layers do not fit together", "infinite, NaN or no fractions"
# (id, the arrays in place of a good file's, what is said)
BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("a number as its mean", {"mean": np.array(1.0)}, SHAPES),
    ("a number as its bias", {"bias.1": np.array(1.0)}, SHAPES),
    ("a matrix as its mean", {"mean": np.zeros((4, 1))}, SHAPES),
    ("a longer scale", {"scale": np.ones(5)}, SHAPES),
    ("other weights", {"weights.0": np.ones((2, 4))}, SHAPES),
    ("a cube of weights", {"weights.0": np.ones((4, 2, 1))}, SHAPES),
    ("two outputs", {"weights.1": np.ones((2, 2)), "bias.1": np.zeros(2)}, SHAPES),
    ("an array more", {"strange": np.ones(1)}, SHAPES),
    ("two arrays more", {"weights.9": np.ones((1, 1)), "bias.9": np.ones(1)}, "weights.2"),
    ("no width", {"mean": np.zeros(0), "scale": np.ones(0)}, SHAPES),
    ("NaN", {"weights.0": np.full((4, 2), np.nan)}, NUMBERS),
    ("an infinity", {"bias.0": np.full(2, np.inf)}, NUMBERS),
    ("whole numbers", {"mean": np.zeros(4, np.int64)}, NUMBERS),
    ("a scale of 0", {"scale": np.zeros(4)}, "divides by what is not above 0"),
]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    save_file(GOOD, tmp_path / "classifier.safetensors")
    assert ClassifierHead.load(tmp_path / "classifier.safetensors").apply(np.zeros((3, 4))).tolist() == [0.5] * 3


@pytest.mark.parametrize(("arrays", "message"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_other_arrays_are_refused_by_their_file(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    save_file(GOOD | arrays, tmp_path / "classifier.safetensors")
    with pytest.raises(ClassifierError, match=rf"classifier\.safetensors is not a classifier .*{message}"):
        ClassifierHead.load(tmp_path / "classifier.safetensors")


def test_numbers_that_numpy_has_not_are_refused(tmp_path: Path) -> None:
    tensors = {name: torch.tensor(array, dtype=torch.bfloat16) for name, array in GOOD.items()}
    save_tensors(tensors, tmp_path / "classifier.safetensors")
    with pytest.raises(ClassifierError, match=r"classifier\.safetensors is not a classifier"):
        ClassifierHead.load(tmp_path / "classifier.safetensors")


def test_a_file_larger_than_any_classifier_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "classifier.safetensors").open("wb") as file:
        file.truncate(2 << 30)  # takes no place on the disk
    with pytest.raises(ClassifierError, match="no classifier that raycal wrote is as large"):
        ClassifierHead.load(tmp_path / "classifier.safetensors")
