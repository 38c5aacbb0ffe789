"""Calibration and ranking metrics of p(correct): numpy in, plain numbers out."""

from raycal.metrics.binning import Binning, Convention, ConventionError
from raycal.metrics.counts import CountedRows, Floats, Ints, checked
from raycal.metrics.curves import ReliabilityBin, reliability_bins, risk_coverage
from raycal.metrics.evaluate import METRIC_NAMES, Metric, evaluate
from raycal.metrics.groups import GroupedMetrics, GroupMean, Groups, by_group, evaluate_groups

__all__ = [
    "METRIC_NAMES",
    "Binning",
    "Convention",
    "ConventionError",
    "CountedRows",
    "Floats",
    "GroupMean",
    "GroupedMetrics",
    "Groups",
    "Ints",
    "Metric",
    "ReliabilityBin",
    "by_group",
    "checked",
    "evaluate",
    "evaluate_groups",
    "reliability_bins",
    "risk_coverage",
]
