"""Heads on made-up hidden states: what they learn, that they keep it on disk, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from metric_values import value
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from raycal.methods.classifier import Classifier, ClassifierError, ClassifierHead, Head, fit_classifier, low_entropy

WIDTH = 24


def made_up(n: int, *, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """States, labels, and the probability by which each label was drawn."""
    rng = np.random.default_rng(seed)
    states = (3 + 5 * rng.normal(size=(n, WIDTH))).astype(np.float32)
    p = 1 / (1 + np.exp(-(states[:, 0] - 3) / 5 * 2))
    return states, rng.random(n) < p, p


@pytest.mark.parametrize("head", Head)
def test_a_head_learns_what_there_is_to_learn(head: Head) -> None:
    states, labels, _ = made_up(400)
    held_out, truth, oracle = made_up(400, seed=1)
    p = fit_classifier(Classifier(head=head, width=64), states, labels, seed=0).apply(held_out)
    assert value("auroc", p, truth) > value("auroc", oracle, truth) - 0.1
    assert value("ece", p, truth) < 0.2


def test_the_logistic_head_is_scikit_learns() -> None:
    states, labels, _ = made_up(200)
    head = fit_classifier(Classifier(weight_decay=7.0), states, labels, seed=0)
    scaler = StandardScaler().fit(states.astype(np.float64))
    theirs = LogisticRegression(C=1 / 7, max_iter=1000).fit(scaler.transform(states.astype(np.float64)), labels)
    assert head.apply(states) == pytest.approx(
        theirs.predict_proba(scaler.transform(states.astype(np.float64)))[:, 1], abs=1e-9
    )


def test_cross_validation_tells_noise_from_signal() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(120, 200)).astype(np.float32)
    labels = np.arange(120) % 2 == 0
    held_out = rng.normal(size=(200, 200)).astype(np.float32)
    chosen = fit_classifier(Classifier(), noise, labels, seed=0).apply(held_out)
    weak = fit_classifier(Classifier(weight_decay=1.0), noise, labels, seed=0).apply(held_out)
    assert chosen.std() < weak.std() / 2


@pytest.mark.parametrize("head", Head)
def test_a_head_keeps_on_disk_what_it_says(head: Head, tmp_path: Path) -> None:
    states, labels, _ = made_up(80)
    fitted = fit_classifier(Classifier(head=head, width=8, weight_decay=1.0), states, labels, seed=0)
    fitted.save(tmp_path / "head.safetensors")
    assert ClassifierHead.load(tmp_path / "head.safetensors").apply(states).tolist() == fitted.apply(states).tolist()


def test_the_same_seed_gives_the_same_head() -> None:
    states, labels, _ = made_up(80)
    config = Classifier(head=Head.MLP, width=8, weight_decay=1.0)
    one, same, other = (fit_classifier(config, states, labels, seed=seed).apply(states) for seed in (0, 0, 1))
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()


def test_one_class_few_of_a_class_and_other_widths() -> None:
    states, labels, _ = made_up(40)
    with pytest.raises(ClassifierError, match="all 40 are the same"):
        fit_classifier(Classifier(), states, np.ones(40, dtype=bool), seed=0)
    lonely = np.arange(40) == 7  # no cross-validation can split one right answer
    assert 0 < fit_classifier(Classifier(), states, lonely, seed=0).apply(states).mean() < 1
    head = fit_classifier(Classifier(), states, labels, seed=0)
    with pytest.raises(ClassifierError, match="states of 24 numbers, and these have 25: it belongs to another model"):
        head.apply(np.zeros((3, WIDTH + 1)))


def test_files_that_hold_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="there is no classifier at"):
        ClassifierHead.load(tmp_path / "none")
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(ClassifierError, match="not a classifier that raycal wrote"):
        ClassifierHead.load(tmp_path / "text")
    zeros = {"mean": np.zeros(4), "scale": np.ones(4)}
    for layers in (
        {},
        {"weights.0": np.zeros((3, 1)), "bias.0": np.zeros(1)},
        {"weights.0": np.zeros((4, 2)), "bias.0": np.zeros(2)},
    ):
        save_file(zeros | layers, tmp_path / "other")
        with pytest.raises(ClassifierError, match="its layers do not fit together"):
            ClassifierHead.load(tmp_path / "other")


def test_low_entropy_splits_where_the_halves_are_most_alike() -> None:
    assert low_entropy(np.array([0.0, 0.1, 0.1, 1.9, 2.0])).tolist() == [True, True, True, False, False]
    assert low_entropy(np.array([0.5, 0.5])).all()
