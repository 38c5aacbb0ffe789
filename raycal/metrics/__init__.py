"""Calibration and ranking metrics of p(correct): numpy in, plain numbers out."""

from raycal.metrics.binning import Binning, Convention, ConventionError
from raycal.metrics.built_in import METRIC_NAMES, metric_definitions
from raycal.metrics.counts import CountedRows, Floats, Ints, checked
from raycal.metrics.curves import ReliabilityBin, reliability_bins, risk_coverage
from raycal.metrics.definitions import METRICS, CountMatrix, MetricDefinition, MetricError, metric
from raycal.metrics.evaluate import Metric, evaluate
from raycal.metrics.groups import GroupedMetrics, GroupMean, Groups, by_group, evaluate_groups

__all__ = [
    "METRICS",
    "METRIC_NAMES",
    "Binning",
    "Convention",
    "ConventionError",
    "CountMatrix",
    "CountedRows",
    "Floats",
    "GroupMean",
    "GroupedMetrics",
    "Groups",
    "Ints",
    "Metric",
    "MetricDefinition",
    "MetricError",
    "ReliabilityBin",
    "by_group",
    "checked",
    "evaluate",
    "evaluate_groups",
    "metric",
    "metric_definitions",
    "reliability_bins",
    "risk_coverage",
]
