"""A small head on hidden states: p = its probability that the answer is correct.

The MLP d-256-128-64-2 is the probe of Kapoor et al. (2024). With the semantic entropy as the target it is a semantic
entropy probe (Kossen et al. 2024): it learns from samples alone, without grades.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycal.config import Classifier, Head

_EPOCHS = 200


class ClassifierError(ValueError):
    """There is nothing to tell apart; the message says why."""


def fit_classifier(config: Classifier, states: NDArray[np.float32], labels: NDArray[np.bool_], *, seed: int) -> Any:
    """Fit a head to standardised states.

    states: (n, width); labels: (n,). Returns a scikit-learn pipeline, whose `predict_proba` gives (n, 2). Raises
    ClassifierError where all labels are the same.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(set(labels.tolist())) < 2:
        raise ClassifierError(
            f"the classifier needs correct and wrong training answers, and all {len(labels)} are the same: "
            "add questions, or other ones"
        )
    if config.head is Head.LOGISTIC:
        head: Any = LogisticRegression(C=1 / max(config.weight_decay, 1e-12), max_iter=1000)
    else:
        head = MLPClassifier(
            (config.width, config.width // 2, config.width // 4),
            alpha=config.weight_decay,
            early_stopping=True,
            max_iter=_EPOCHS,
            random_state=seed,
        )
    pipeline = make_pipeline(StandardScaler(), head)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early, as is meant
        return pipeline.fit(states.astype(np.float64), labels)


def low_entropy(entropies: NDArray[np.float64]) -> NDArray[np.bool_]:
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


def _halves(values: NDArray[np.float64], cut: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return values[values < cut], values[values >= cut]
