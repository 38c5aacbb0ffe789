"""Results of a made-up run: realistic confidences, metrics by raycal.metrics, intervals of a fixed width."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycal.metrics import METRIC_NAMES, Convention, evaluate
from raycal.report.grading import Grading, ShownGrader
from raycal.report.results import (
    Ablation,
    Cost,
    Counts,
    MethodResult,
    MetricValue,
    RunResults,
    ShownComparison,
    TrainingCurve,
)

LABELS = {
    "likelihood": "likelihood",
    "fine_tuned": "fine-tuned",
    "sampling": "sampling (token overlap)",
    "classifier": "classifier",
    "zero_shot": "zero-shot",
    "verbalized": "verbalized",
    "semantic_entropy": "semantic entropy (token overlap)",
}


def _confidence(name: str, correct: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    n = len(correct)
    if name == "sampling":
        return rng.binomial(10, np.clip(0.18 + 0.3 * correct + rng.normal(0, 0.2, n), 0, 1)) / 10
    if name == "verbalized":
        stated = rng.choice([0.5, 0.7, 0.8, 0.9, 0.95, 1.0], n, p=[0.04, 0.06, 0.3, 0.35, 0.15, 0.1])
        return np.where(rng.random(n) < 0.07, np.nan, stated)
    centre, slope = {
        "zero_shot": (1.0, 0.1),
        "classifier": (-1.6, 2.1),
        "fine_tuned": (-1.1, 1.4),
        "likelihood": (-0.2, 0.8),
        "semantic_entropy": (-0.4, 0.6),
    }[name]
    return 1 / (1 + np.exp(-(centre + slope * correct + rng.normal(0, 1.0, n))))


def method_result(
    name: str, label: str, confidence: NDArray[np.float64], correct: NDArray[np.bool_], half_width: float = 0.04
) -> MethodResult:
    """A method's result with metrics over the known confidences, each with an interval of value -+ half_width."""
    known = ~np.isnan(confidence)
    metrics = dict.fromkeys(METRIC_NAMES, MetricValue(None, reason="there are no rows"))
    if known.any():
        for its in evaluate(confidence[known], correct[known]).values():
            low, high = (None, None) if its.value is None else (its.value - half_width, its.value + half_width)
            metrics[its.name] = MetricValue(its.value, low, high, its.reason)
    coverage = float(known.mean()) if len(known) else 0.0
    return MethodResult(
        method=name, label=label, confidence=confidence, coverage=coverage, metrics=metrics, settings={}
    )


def value_of(method: MethodResult, name: str) -> float:
    """A metric of a method, which must have a value."""
    value = method.metrics[name].value
    assert value is not None
    return value


def interval_of(method: MethodResult, name: str) -> tuple[float, float]:
    """The interval of a metric of a method, which must have one."""
    interval = method.metrics[name].interval
    assert interval is not None
    return interval


def make_curve(label: str = "fine-tuned", steps: int = 8, every: int = 2, **changes: Any) -> TrainingCurve:
    """A curve whose calibration loss is least at the last step but `every`, with columns replaced by `changes`."""
    step = np.arange(steps + 1)
    evaluated = step % every == 0
    nowhere = np.where(step > 0, 1.0, np.nan)
    curve = TrainingCurve(
        label=label,
        step=step,
        loss=nowhere * (0.5 + np.exp(-step / 3)),
        divergence=nowhere * 0.02 * np.sqrt(step),
        learning_rate=nowhere * 1e-4 * np.cos(step / max(steps, 1)),
        seconds=nowhere * 1.5,
        skipped=np.zeros(steps + 1, dtype=bool),
        calibration_loss=np.where(evaluated, 0.6 + 0.01 * np.abs(step - (steps - every)), np.nan),
        calibration_ece=np.where(evaluated, 0.3 - 0.2 * step / max(steps, 1), np.nan),
        calibration_auroc=np.where(evaluated, 0.5 + 0.2 * step / max(steps, 1), np.nan),
    )
    return replace(curve, **changes)


def make_results(n: int = 60, names: tuple[str, ...] = tuple(LABELS), **changes: Any) -> RunResults:
    """Results of n answers by some methods, in the order given, with fields replaced by `changes`."""
    rng = np.random.default_rng(7)
    correct = rng.random(n) < 0.35
    methods = [method_result(name, LABELS[name], _confidence(name, correct, rng), correct) for name in names]
    comparisons = [
        ShownComparison(its.label, other.label, name, a - b, a - b - 0.05, a - b + 0.05)
        for place, its in enumerate(methods)
        for other in methods[:place]
        for name in ("ece", "auroc", "brier")
        if (a := its.metrics[name].value) is not None and (b := other.metrics[name].value) is not None
    ]
    subjects = ["capital", "currency", "atomic number", "country of a city", "official language"]
    results = RunResults(
        run="worldfacts-3f9a1c",
        model="smollm2-135m-instruct",
        dataset="worldfacts",
        split="test",
        convention=Convention.EQUAL_WIDTH,
        bins=10,
        level=0.95,
        correct=correct,
        questions=[f"What is the capital of country number {i}?" for i in range(n)],
        answers=[f"It is the city of Example {i}." for i in range(n)],
        accepted=[f"Samplebourg {i} / Samplebourg" for i in range(n)],
        subjects=[subjects[i % len(subjects)] for i in range(n)],
        methods=methods,
        comparisons=comparisons,
        training=[],
        ablations=[],
        counts=Counts(asked=n + 3, failed=3, bad_rows=1),
        experiment={"name": "worldfacts", "seed": 0, "elicit": {"samples": {"k": 10, "temperature": 1.0}}},
        versions={"vllm": "0.32.0", "ray": "2.60.0"},
        precision={"answers": ["bfloat16"], "training": ["float32"]},
        cost=Cost(generated_tokens=123_456, prompt_tokens=654_321, engine_seconds=512.25),
        grading=Grading([ShownGrader("match")]),
    )
    return replace(results, **changes)


def make_ablation(n: int = 60, sizes: tuple[int, ...] = (100, 200, 500, 1000), **changes: Any) -> RunResults:
    """Results of all the methods, the classifier and the fine-tuned one at several sizes: the more, the better."""
    base = make_results(n, comparisons=[])
    methods, ablations = [], []
    for method in base.methods:
        if method.method not in ("classifier", "fine_tuned"):
            methods.append(method)
            continue
        labels = {size: f"{method.label}, {size} questions" for size in sizes}
        ablations.append(Ablation(method.label, labels))
        for size, label in labels.items():
            taught = 1 - (10 / size) ** 0.3
            confidence = taught * method.confidence + (1 - taught) * base.methods[4].confidence
            methods.append(method_result(method.method, label, confidence, base.correct))
    return replace(base, methods=methods, ablations=ablations, **changes)
