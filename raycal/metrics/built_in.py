"""The metrics of raycal, one record each, and the list of all metrics, those of installed packages among them."""

from __future__ import annotations

from raycal.metrics import formulas
from raycal.metrics.definitions import METRICS, MetricDefinition

_BUILT_IN = (
    MetricDefinition(
        name="accuracy",
        title="Accuracy",
        meaning="share of the answers that are correct",
        higher_is_better=True,
        formula=formulas.accuracy,
        percent=True,
        of_method=False,
    ),
    MetricDefinition(
        name="ece",
        title="ECE",
        meaning="expected calibration error: mean gap of confidence and accuracy",
        higher_is_better=False,
        formula=formulas.ece,
        percent=True,
        binned=True,
        compared=True,
    ),
    MetricDefinition(
        name="smece",
        title="smECE",
        meaning="smooth calibration error: ECE without bins",
        higher_is_better=False,
        formula=formulas.smooth_ece,
        percent=True,
        compared=True,
    ),
    MetricDefinition(
        name="mce",
        title="MCE",
        meaning="maximum calibration error: the largest gap of any bin",
        higher_is_better=False,
        formula=formulas.mce,
        percent=True,
        binned=True,
    ),
    MetricDefinition(
        name="brier",
        title="Brier",
        meaning="mean squared error of the confidence",
        higher_is_better=False,
        formula=formulas.brier,
        compared=True,
    ),
    MetricDefinition(
        name="nll",
        title="NLL",
        meaning="negative log-likelihood of the grades, in nats",
        higher_is_better=False,
        formula=formulas.nll,
    ),
    MetricDefinition(
        name="auroc",
        title="AUROC",
        meaning="chance that a correct answer gets more confidence than a wrong one",
        higher_is_better=True,
        formula=formulas.auroc,
        percent=True,
        compared=True,
    ),
    MetricDefinition(
        name="auprc",
        title="AUPRC",
        meaning="area under the precision-recall curve",
        higher_is_better=True,
        formula=formulas.auprc,
        percent=True,
    ),
    MetricDefinition(
        name="aurc",
        title="AURC",
        meaning="area under the risk-coverage curve",
        higher_is_better=False,
        formula=formulas.aurc,
        percent=True,
    ),
    MetricDefinition(
        name="prr",
        title="PRR",
        meaning="prediction rejection ratio: 0 random, 1 oracle",
        higher_is_better=True,
        formula=formulas.prr,
    ),
)
for _definition in _BUILT_IN:
    METRICS.register(_definition.name)(_definition)

METRIC_NAMES = tuple(definition.name for definition in _BUILT_IN)  # those that have columns of their own in the store


def metric_definitions() -> dict[str, MetricDefinition]:
    """All metrics by name: those of raycal in their order, then those of installed packages. Raises PluginError."""
    others = [name for name in METRICS.names() if name not in METRIC_NAMES]
    return {name: METRICS.get(name) for name in (*METRIC_NAMES, *others)}
