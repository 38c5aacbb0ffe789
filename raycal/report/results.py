"""The contents of a report as plain data, which says nothing of where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycal.metrics import METRIC_NAMES, Convention, metric_definitions
from raycal.report.grading import Grading
from raycal.report.labels import short_labels
from raycal.report.sweep_results import SweepResults

# The order of Kapoor et al. (2024); whatever else a run has follows in the order in which it is given.
_FIGURE_ORDER = ("zero_shot", "verbalized", "sampling", "classifier", "fine_tuned")


@dataclass(frozen=True)
class MetricValue:
    """A metric with its bootstrap interval; without a value there is a reason, without replicates no interval.

    A percentile interval need not hold the value: resampling raises an ECE. Raises ValueError where value and reason
    are both there or both not, or where the interval is half there or upside down.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError(f"a metric has either a value or a reason why it has none, not {self}")
        if (self.low is None) != (self.high is None) or (self.low is not None and self.value is None):
            raise ValueError(f"an interval has two ends and belongs to a value, unlike that of {self}")
        if self.interval and self.interval[0] > self.interval[1]:
            raise ValueError(f"the interval of {self} ends before it starts")

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the interval, None where there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True, eq=False, kw_only=True)
class MethodResult:
    """One method's confidences in a run's answers, and how good they are.

    `method` is the name in the registry, `label` the one shown, which tells apart two configurations of one method.
    `confidence` is p(correct) of shape (n,), NaN where it is missing; `coverage` the share of the answers for which the
    method had one. `metrics` has a value, or the reason why there is none, for every name in METRIC_NAMES, and for
    metrics of installed packages where there are some; raises ValueError where one of METRIC_NAMES is missing.
    `settings` holds the method's options, as YAML can say them.
    """

    method: str
    label: str
    confidence: NDArray[np.float64]
    coverage: float
    metrics: Mapping[str, MetricValue]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        if missing := set(METRIC_NAMES) - set(self.metrics):
            raise ValueError(f"{self.label}: of the metrics, {', '.join(sorted(missing))} are missing")

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which confidences are there, of shape (n,)."""
        return ~np.isnan(self.confidence)


@dataclass(frozen=True)
class ShownComparison:
    """A paired difference, method - baseline (both by label), over the questions for which both have a confidence."""

    method: str
    baseline: str
    metric: str
    difference: float
    low: float
    high: float

    @property
    def settled(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingCurve:
    """The course of one fine-tuning, by step; step 0 is before the first.

    All arrays have shape (steps,), NaN where a step has no value: `loss` (the query's), `divergence` (nats),
    `learning_rate`, `seconds`, and the calibration split's loss, ECE and AUROC, known where it was evaluated. `skipped`
    steps had no finite gradients. Raises ValueError where shapes differ or there is no step.
    """

    label: str
    step: NDArray[np.int64]
    loss: NDArray[np.float64]
    divergence: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    seconds: NDArray[np.float64]
    skipped: NDArray[np.bool_]
    calibration_loss: NDArray[np.float64]
    calibration_ece: NDArray[np.float64]
    calibration_auroc: NDArray[np.float64]

    def __post_init__(self) -> None:
        shapes = {array.shape for array in vars(self).values() if isinstance(array, np.ndarray)}
        if len(shapes) > 1 or not len(self.step):
            raise ValueError(
                f"the curve of {self.label} has columns of the shapes {sorted(shapes)}, not of one (steps,)"
            )

    @property
    def kept(self) -> int | None:
        """The place of the step whose adapter was kept, that of least calibration loss; None where none is finite."""
        finite = np.isfinite(self.calibration_loss)
        return int(np.where(finite, self.calibration_loss, np.inf).argmin()) if finite.any() else None


@dataclass(frozen=True)
class Ablation:
    """One method with several sizes of its training set: the number of training questions -> the label, in order."""

    label: str
    sizes: Mapping[int, str]

    @property
    def largest(self) -> str:
        """The label of the method that was taught the most."""
        return self.sizes[max(self.sizes)]


@dataclass(frozen=True)
class Counts:
    """Questions asked, those of them without a graded answer, and rows that never became a question."""

    asked: int
    failed: int
    bad_rows: int


@dataclass(frozen=True)
class Cost:
    """What the run generated and read, in tokens, and for how many seconds its engines were busy."""

    generated_tokens: int
    prompt_tokens: int
    engine_seconds: float


@dataclass(frozen=True, eq=False, kw_only=True)
class RunResults:
    """Everything that a report shows of one run on one split of one dataset.

    `training` has a curve for each adapter that was trained for the run's methods or for what they build on.
    `ablations` are of those methods that differ only in their number of training questions.
    `correct`, `questions`, `answers` (the model's), `accepted` (answers, as one text a question) and `subjects` are
    parallel, of length n: the graded answers. `level` is that of all intervals, such as 0.95. `experiment` holds what
    YAML can say (no enums, no paths). `grading` has no graders where they were not recorded. `sweep` is the one whose
    settings the run scores, if any. Raises ValueError where lengths differ, where two methods share a label, or where a
    comparison, an ablation or the sweep is of a method or metric that is not there.
    """

    run: str
    model: str
    dataset: str
    split: str
    convention: Convention
    bins: int
    level: float
    correct: NDArray[np.bool_]
    questions: Sequence[str]
    answers: Sequence[str]
    accepted: Sequence[str]
    subjects: Sequence[str]
    methods: Sequence[MethodResult]
    comparisons: Sequence[ShownComparison]
    training: Sequence[TrainingCurve]
    ablations: Sequence[Ablation]
    counts: Counts
    experiment: Mapping[str, Any]
    versions: Mapping[str, str]
    precision: Mapping[str, Sequence[str]]  # by table, the dtypes that its rows were computed in
    cost: Cost
    grading: Grading
    sweep: SweepResults | None = None

    def __post_init__(self) -> None:
        for name in ("questions", "answers", "accepted", "subjects"):
            if len(getattr(self, name)) != self.n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, where {self.n} answers were graded")
        for method in self.methods:
            if method.confidence.shape != (self.n,):
                raise ValueError(f"{method.label}: {method.confidence.shape} confidences for {self.n} graded answers")
        labels = [method.label for method in self.methods]
        if len(set(labels)) < len(labels):
            raise ValueError(f"two methods share a label, among {labels}: give each configuration its own")
        for comparison in self.comparisons:
            if (
                not {comparison.method, comparison.baseline} <= set(labels)
                or comparison.metric not in self.metric_names
            ):
                raise ValueError(
                    f"{comparison} is not of two of the methods {labels} and a metric of {self.metric_names}"
                )
        for ablation in self.ablations:
            if not set(ablation.sizes.values()) <= set(labels):
                raise ValueError(f"{ablation} is not of the methods {labels}")
        for entry in self.sweep.entries if self.sweep else ():
            if not {entry.default_method, entry.best_method} <= {*labels, None}:
                raise ValueError(f"{entry} is not of the methods {labels}")

    @property
    def n(self) -> int:
        """Graded answers."""
        return len(self.correct)

    @cached_property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that all methods have: those of raycal, and then those of packages that are installed."""
        return tuple(name for name in metric_definitions() if all(name in method.metrics for method in self.methods))

    @property
    def ordered(self) -> tuple[MethodResult, ...]:
        """The methods in the order of every table."""
        ranks = {name: rank for rank, name in enumerate(_FIGURE_ORDER)}
        return tuple(sorted(self.methods, key=lambda method: ranks.get(method.method, len(ranks))))

    @property
    def pictured(self) -> tuple[MethodResult, ...]:
        """The methods in the order of every figure: of an ablation the largest size alone, or no figure is readable."""
        smaller = {
            label for ablation in self.ablations for label in ablation.sizes.values() if label != ablation.largest
        }
        return tuple(method for method in self.ordered if method.label not in smaller)

    @property
    def zero_shot(self) -> tuple[MethodResult, ...]:
        """The method that fine-tuning starts from, where the run has it: what an ablation has without any training."""
        return tuple(method for method in self.ordered if method.method == "zero_shot")

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each method stands in the figures, by label; the sizes of an ablation stand in one place."""
        places = {method.label: place for place, method in enumerate(self.pictured)}
        return places | {
            label: places[ablation.largest] for ablation in self.ablations for label in ablation.sizes.values()
        }

    @cached_property
    def short(self) -> dict[str, str]:
        """What figures and sentences call each method, curve and ablation, by label."""
        named: list[MethodResult | TrainingCurve | Ablation] = [*self.ordered, *self.training, *self.ablations]
        return short_labels(list(dict.fromkeys(method.label for method in named)))

    @property
    def training_seconds(self) -> float:
        """How long the steps of all trainings took."""
        return sum(float(np.nansum(curve.seconds)) for curve in self.training)
