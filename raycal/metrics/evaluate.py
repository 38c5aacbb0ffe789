"""All metrics of a set of rows, each a number or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from raycal.metrics.binning import Binning, Convention, ConventionError
from raycal.metrics.built_in import metric_definitions
from raycal.metrics.counts import CountedRows
from raycal.metrics.definitions import CountMatrix, MetricDefinition


@dataclass(frozen=True)
class Metric:
    """A metric's value, or the reason why it has none; `binning` is set where the value depends on one (ECE, MCE)."""

    name: str
    value: float | None
    reason: str | None = None
    binning: Binning | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise ValueError(f"{self.name} needs either a value or a reason why it has none")

    def __sub__(self, other: Metric) -> Metric:
        """The difference of two values of one metric. ConventionError where they were binned differently."""
        if self.name != other.name:
            raise ValueError(f"{self.name} and {other.name} are different metrics: they have no difference")
        if self.binning != other.binning:
            how = f"{self.binning} and {other.binning}"
            raise ConventionError(f"{self.name}s by {how} cannot be compared: compute both by one convention")
        if self.value is None or other.value is None:
            return Metric(self.name, None, self.reason or other.reason, self.binning)
        return Metric(self.name, self.value - other.value, None, self.binning)


def evaluate(
    p: ArrayLike, correct: ArrayLike, *, bins: int = 10, convention: Convention | str = Convention.EQUAL_WIDTH
) -> dict[str, Metric]:
    """All metrics of p(correct), in the order of `metric_definitions`. p: (n,) in [0, 1]; correct: (n,) bool or 0/1.

    - accuracy: share of correct rows.
    - ece: expected calibration error, sum over bins of (rows in bin / rows) |mean confidence - accuracy|
      (Naeini et al. 2015), by `convention`. mce: the largest such gap of a bin that is not empty.
    - smece: smooth ECE (Blasiok & Nakkiran 2023, arXiv 2309.12236), see `formulas.smooth_ece`.
    - brier: mean (p - correct)^2. nll: mean negative log-likelihood in nats, with p clipped to [2^-52, 1 - 2^-52]
      whatever the input's precision (scikit-learn's rule for float64), so that a certain error costs 36.04 nats.
    - auroc: the probability that a correct row has the higher confidence, ties counting one half.
    - auprc: average precision, sum of (step in recall) x precision over distinct confidences, correct being positive.
    - aurc: area under the risk-coverage curve (Geifman & El-Yaniv 2017), the mean over k = 1..n of the error rate among
      the k most confident rows; within ties, its expectation over random orders.
    - prr: (AURC_random - AURC) / (AURC_random - AURC_oracle), where random is the overall error rate and the oracle
      ranks every correct row above every wrong one: 1 is perfect, 0 is chance. This is the prediction-rejection ratio
      of Malinin & Gales (2021) on the error rate among the rows that are kept; on errors over all rows, the other
      curve in use, it would be 2 AUROC - 1.

    A metric that is not defined (no rows; one class only) has no value but a reason. Raises ValueError naming rows.
    """
    binning, definitions = Binning(convention, bins), metric_definitions()
    sample = CountedRows.of(p, correct)
    if not len(sample.confidence):
        return {name: _metric(definition, np.nan, sample, binning) for name, definition in definitions.items()}
    counts = CountMatrix.of(sample, sample.wrong[None], sample.right[None], binning)
    return {
        name: _metric(definition, float(definition.values(counts)[0]), sample, binning)
        for name, definition in definitions.items()
    }


def _metric(definition: MetricDefinition, value: float, sample: CountedRows, binning: Binning) -> Metric:
    name, used = definition.name, binning if definition.binned else None
    if not np.isnan(value):
        return Metric(name, value, None, used)
    if not len(sample.confidence):
        return Metric(name, None, "there are no rows", used)
    if used and used.convention is Convention.KAPOOR:
        return Metric(name, None, f"every folded confidence is 1, which the convention {used.convention} drops", used)
    if sample.right.any() and sample.wrong.any():
        return Metric(name, None, "it is not defined for these confidences and grades", used)
    return Metric(name, None, "every answer is correct" if sample.right.any() else "no answer is correct", used)
