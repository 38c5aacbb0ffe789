"""A small head on hidden states: p = its probability that the answer is correct.

The MLP d-256-128-64-2 is the probe of Kapoor et al. (2024). With the semantic entropy as the target it is a semantic
entropy probe (Kossen et al. 2024): it learns from samples alone, without grades.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from raycal.config.engine import ModelConfig
from raycal.config.section import Place
from raycal.errors import RaycalError
from raycal.methods.base import METHODS, Fit, Needs, SavedMethod, States
from raycal.methods.evidence import Evidence
from raycal.methods.semantic_entropy import SemanticEntropy
from raycal.metrics.counts import Floats
from raycal.questions.question import Split
from raycal.store.locations import Location

_EPOCHS, _BATCH = 200, 32
_FOLDS = 5
_MOST_BYTES = 1 << 30  # of a file
_WEIGHT_DECAYS = (1.0, 10.0, 100.0, 1e3, 1e4)  # those that cross-validation chooses from


class Head(StrEnum):
    """What stands on the hidden state."""

    LOGISTIC = "logistic"
    MLP = "mlp"  # d - width - width/2 - width/4 - 2


class Target(StrEnum):
    """What a classifier learns to tell."""

    GRADE = "grade"  # whether the answer is correct
    SEMANTIC_ENTROPY = "semantic_entropy"  # whether its samples agree more than most (Kossen et al. 2024)


class ClassifierError(RaycalError, ValueError):
    """A classifier cannot be fitted or applied; the message says why."""


@dataclass(frozen=True, eq=False)
class ClassifierHead:
    """A fitted head: standardisation, then affine layers with ReLU between them and a sigmoid at the end.

    mean, scale: (width,). layers: pairs of weights (inputs, outputs) and bias (outputs,), the last with one output.
    """

    mean: Floats
    scale: Floats
    layers: tuple[tuple[Floats, Floats], ...]

    def predict(self, rows: Sequence[Evidence]) -> Floats:
        """See Predictor."""
        return self.apply(_stacked(rows))

    def apply(self, states: NDArray[np.floating[Any]]) -> Floats:
        """p(correct), (n,), of states (n, width). Raises ClassifierError for states of another width."""
        if states.shape[1:] != self.mean.shape:
            raise ClassifierError(
                f"the classifier was fitted on hidden states of {len(self.mean)} numbers, and these have "
                f"{states.shape[1]}: it belongs to another model"
            )
        values: Floats = (states.astype(np.float64) - self.mean) / self.scale
        for number, (weights, bias) in enumerate(self.layers):
            values = (np.maximum(values, 0) if number else values) @ weights + bias
        p: Floats = np.exp(-np.logaddexp(0, -values[:, 0]))
        return p

    def save(self, path: Path) -> None:
        """Write the head as safetensors."""
        from safetensors.numpy import save

        tensors = {"mean": self.mean, "scale": self.scale}
        for number, (weights, bias) in enumerate(self.layers):
            tensors |= {f"weights.{number}": np.ascontiguousarray(weights), f"bias.{number}": bias}
        path.write_bytes(save(tensors))  # of a full disk, save_file has an error of its own

    @classmethod
    def load(cls, path: Location) -> ClassifierHead:
        """Read what `save` wrote. Raises ClassifierError where it is not there, or something else."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        if not path.is_file():
            raise ClassifierError(f"there is no classifier at {path}")
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise ClassifierError(f"{path} has {size:,} bytes, and no classifier that raycal wrote is as large")
        try:
            tensors = load(path.read_bytes())
            layers = [(tensors[f"weights.{i}"], tensors[f"bias.{i}"]) for i in range(len(tensors) // 2 - 1)]
            head = cls(tensors["mean"], tensors["scale"], tuple(layers))
        except (SafetensorError, KeyError, TypeError) as error:  # TypeError: of numbers that numpy has not
            raise ClassifierError(f"{path} is not a classifier that raycal wrote: {error}") from error
        if fault := head._fault(len(tensors)):
            raise ClassifierError(f"{path} is not a classifier that raycal wrote: {fault}")
        return head

    def _fault(self, arrays: int) -> str | None:
        """What cannot be of a head that was read from a file with so many arrays."""
        vectors = [self.mean, self.scale, *(bias for _, bias in self.layers)]
        matrices = [weights for weights, _ in self.layers]
        numbers = [*vectors, *matrices]
        fits = bool(self.layers) and len(numbers) == arrays and all(vector.ndim == 1 for vector in vectors)
        if fits:
            mean, scale, *biases = map(len, vectors)
            fits = (
                mean == scale
                and [*pairwise([mean, *biases])] == [array.shape for array in matrices]
                and biases[-1] == 1
            )
        if not fits:
            return "its layers do not fit together"
        if not all(np.issubdtype(array.dtype, np.floating) and np.isfinite(array).all() for array in numbers):
            return "it has numbers that are infinite, NaN or no fractions"
        return None if (self.scale > 0).all() else "it divides by what is not above 0"


@METHODS.register("classifier")
class Classifier(SavedMethod):
    """p = a small head on the hidden state of the answer's last token, fitted on the training questions."""

    size_option = "training_questions"
    folder_name = "classifiers"
    file_name = "classifier.safetensors"
    read_options = ("layer", "few_shot")
    place_options = ("fitted", "model")

    method: Literal["classifier"] = "classifier"
    fitted: Place | None = None  # a folder: this classifier as an earlier run fitted it, instead of fitting one
    model: ModelConfig | None = None  # whose hidden states are read; None: those of the model that answered
    layer: int = -1  # 0: the embeddings; negative: counted from the last
    head: Head = Head.LOGISTIC
    width: int = Field(256, ge=4, le=65_536)  # of the MLP's first hidden layer
    weight_decay: float | None = Field(None, gt=0)  # strength of the L2 penalty; None: by cross-validation
    target: Target = Target.GRADE
    entropy: SemanticEntropy = SemanticEntropy()  # that of the target, where it is the semantic entropy
    few_shot: bool = False  # whether the answered question stands behind the examples that it was asked with
    training_questions: int | None = Field(None, ge=1)  # None: all of the training split

    def needs(self) -> Needs:
        """One hidden state an answer, and the training split's grades or samples."""
        target = self.entropy if self.target is Target.SEMANTIC_ENTROPY else None
        fit = None if self.fitted is not None else Fit(Split.TRAIN, target, self.training_questions)
        return Needs(states=States(self.model, self.layer, self.few_shot), fit=fit)

    def fit(self, rows: Sequence[Evidence], targets: NDArray[Any], *, seed: int) -> ClassifierHead:
        """See FittedMethod. Raises ClassifierError."""
        labels = low_entropy(1 - targets) if self.target is Target.SEMANTIC_ENTROPY else targets
        return fit_classifier(self, _stacked(rows), labels, seed=seed)

    @property
    def artifact(self) -> Location | None:
        """See SavedMethod."""
        return self.fitted

    def load(self, path: Location) -> ClassifierHead:
        """See SavedMethod. Raises ClassifierError."""
        return ClassifierHead.load(path)


def _stacked(rows: Sequence[Evidence]) -> NDArray[np.float32]:
    return np.stack([row.state for row in rows if row.state is not None])


def fit_classifier(
    config: Classifier, states: NDArray[np.float32], labels: NDArray[np.bool_], *, seed: int
) -> ClassifierHead:
    """Fit a head to standardised states.

    states: (n, width); labels: (n,). Without a weight decay in the configuration the one is taken that has the least
    cross-entropy in a cross-validation over five folds. Raises ClassifierError where all labels are the same.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from threadpoolctl import threadpool_limits

    if len(set(labels.tolist())) < 2:
        raise ClassifierError(
            f"the classifier needs correct and wrong training answers, and all {len(labels)} are the same: "
            "add questions, or other ones"
        )
    folds = min(_FOLDS, int(labels.sum()), int((~labels).sum()))
    estimator: Any = _estimator(config, config.weight_decay or _WEIGHT_DECAYS[0], seed)
    if config.weight_decay is None and folds > 1:
        name = f"{estimator.steps[-1][0]}__{'C' if config.head is Head.LOGISTIC else 'alpha'}"
        values = [1 / decay if config.head is Head.LOGISTIC else decay for decay in _WEIGHT_DECAYS]
        splits = StratifiedKFold(folds, shuffle=True, random_state=seed)
        estimator = GridSearchCV(estimator, {name: values}, scoring="neg_log_loss", cv=splits)
    # So small products are slower on many threads than on one, and many times slower on a busy machine.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early, as is meant
        estimator.fit(states.astype(np.float64), labels)
    scaler, head = (step for _, step in getattr(estimator, "best_estimator_", estimator).steps)
    logistic = config.head is Head.LOGISTIC
    layers = [(head.coef_.T, head.intercept_)] if logistic else zip(head.coefs_, head.intercepts_, strict=True)
    return ClassifierHead(scaler.mean_, scaler.scale_, tuple(layers))


def _estimator(config: Classifier, weight_decay: float, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if config.head is Head.LOGISTIC:
        return make_pipeline(StandardScaler(), LogisticRegression(C=1 / weight_decay, max_iter=1000))
    hidden = (config.width, config.width // 2, config.width // 4)
    fitting = {"batch_size": _BATCH, "early_stopping": True, "max_iter": _EPOCHS, "random_state": seed}
    head = MLPClassifier(hidden, alpha=weight_decay, **fitting)
    return make_pipeline(StandardScaler(), head)


def low_entropy(entropies: Floats) -> NDArray[np.bool_]:
    """The semantic entropy as a target: True below the threshold that splits it best (Kossen et al. 2024, equation 3).

    entropies: (n,). Best is the least squared error of the two halves' means.
    """
    values = np.unique(entropies)
    if len(values) < 2:
        return np.ones(len(entropies), dtype=bool)
    cuts = (values[1:] + values[:-1]) / 2
    errors = [sum(np.square(half - half.mean()).sum() for half in _halves(entropies, cut)) for cut in cuts]
    below: NDArray[np.bool_] = entropies < cuts[int(np.argmin(errors))]
    return below


def _halves(values: Floats, cut: float) -> tuple[Floats, Floats]:
    return values[values < cut], values[values >= cut]
