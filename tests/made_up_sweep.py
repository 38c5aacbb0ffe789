"""A made-up sweep of four methods, and the run that scored on test what it found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from made_up_run import make_results, method_result

from raycal.report.results import RunResults, ShownComparison
from raycal.report.sweep_results import Importances, SearchedOption, Share, SweepEntry, SweepResults, SweepTrial

OPTIONS: dict[str, tuple[SearchedOption, ...]] = {
    "zero_shot": (),
    "verbalized": (SearchedOption("phrasing", categories=("probability", "percent", "words")),),
    "sampling": (
        SearchedOption("k", 2, 10),
        SearchedOption("equivalence", categories=("exact", "token overlap", "embedding")),
        SearchedOption("threshold", 0.3, 0.9),
    ),
    "fine_tuned": (
        SearchedOption("learning_rate", 1e-5, 1e-2, log=True),
        SearchedOption("rank", categories=("4", "8", "16")),
        SearchedOption("target_modules", categories=("q proj + v proj", "all-linear")),
        SearchedOption("dropout", 0.0, 0.3),
    ),
}
DEFAULTS: dict[str, dict[str, float | str]] = {
    "zero_shot": {},
    "verbalized": {"phrasing": "probability"},
    "sampling": {"k": 10, "equivalence": "exact", "threshold": 0.8},
    "fine_tuned": {"learning_rate": 1e-4, "rank": "8", "target_modules": "q proj + v proj", "dropout": 0.1},
}
HIGHER = {"auroc", "prr"}


def _value(option: SearchedOption, rng: np.random.Generator) -> float | str:
    if option.categories:
        return str(rng.choice(option.categories))
    if option.name == "k":
        return int(rng.integers(int(option.low), int(option.high), endpoint=True))
    if option.log:
        return float(np.exp(rng.uniform(np.log(option.low), np.log(option.high))))
    return float(rng.uniform(option.low, option.high))


def _quality(entry: str, settings: dict[str, float | str], rng: np.random.Generator) -> float:
    """From 0 to 1."""
    base = {"zero_shot": 0.2, "verbalized": 0.15, "sampling": 0.5, "fine_tuned": 0.7}[entry]
    if entry == "sampling":
        base += 0.02 * (float(settings["k"]) - 6) + 0.1 * (settings["equivalence"] == "embedding")
    if entry == "fine_tuned":
        base -= 0.08 * (np.log10(float(settings["learning_rate"])) + 3.5) ** 2
    return float(np.clip(base + rng.normal(0, 0.03), 0, 1))


def front_of(trials: list[SweepTrial], objectives: tuple[str, ...]) -> list[int]:
    """The trials of which none other is better, by looking at every pair."""
    signs = np.array([1 if name in HIGHER else -1 for name in objectives])
    points = {its.number: signs * [its.objectives[name] for name in objectives] for its in trials}
    return [
        number
        for number, its in points.items()
        if not any((other >= its).all() and (other > its).any() for other in points.values())
    ]


def make_sweep(n: int = 60, objectives: tuple[str, ...] = ("ece", "auroc"), **changes: Any) -> SweepResults:
    """A sweep of n trials, of which every ninth failed and every thirteenth was stopped."""
    rng = np.random.default_rng(3)
    trials = []
    for number in range(n):
        entry = list(OPTIONS)[int(rng.choice(4, p=[0.06, 0.14, 0.35, 0.45]))] if number >= 4 else list(OPTIONS)[number]
        settings = {option.name: _value(option, rng) for option in OPTIONS[entry]}
        good = _quality(entry, settings, rng)
        worse = float(np.clip(good + rng.normal(0, 0.12), 0, 1))
        values = {
            "ece": 0.35 * (1 - good) + 0.02,
            "auroc": 0.45 + 0.45 * worse,
            "brier": 0.3 - 0.2 * good,
            "prr": 0.8 * good - 0.1,
        }
        state = "failed" if number % 9 == 8 else "stopped" if number % 13 == 12 else "finished"
        trials.append(
            SweepTrial(
                number,
                entry,
                state,
                settings,
                {name: values[name] for name in objectives} if state == "finished" else {},
                "torch.OutOfMemoryError: CUDA out of memory" if state == "failed" else None,
            )
        )
    finished = [trial for trial in trials if trial.state == "finished"]
    sweep = SweepResults(
        sweep="worldfacts-0a1b2c3d",
        split="calibration",
        objectives=objectives,
        entries=[_entry(label, [trial for trial in finished if trial.entry == label], objectives) for label in OPTIONS],
        trials=trials,
        front=front_of(finished, objectives),
        importances={name: make_importances(place) for place, name in enumerate(objectives)},
    )
    return replace(sweep, **changes)


def make_importances(seed: int = 0) -> Importances:
    """Shares of the method and all of the options."""
    parts = [(None, "method"), *((label, option.name) for label, its in OPTIONS.items() for option in its)]
    shares = np.sort(np.random.default_rng(seed).exponential(1, len(parts)) ** 2)[::-1]
    return Importances(tuple(Share(*part, float(its)) for part, its in zip(parts, shares / shares.sum(), strict=True)))


def _entry(label: str, its: list[SweepTrial], objectives: tuple[str, ...]) -> SweepEntry:
    default = f"{label.replace('_', ' ')}, default"
    entry = SweepEntry(label, OPTIONS[label], DEFAULTS[label], default)
    if not its:
        return entry
    first = objectives[0]
    best = (max if first in HIGHER else min)(its, key=lambda trial: trial.objectives[first])
    return replace(
        entry, best=best.number, best_method=default.replace("default", "best") if best.settings else default
    )


def make_swept(sweep: SweepResults | None = None, n: int = 80, **changes: Any) -> RunResults:
    """The run on test of a sweep's defaults and bests, with differences of which some are settled."""
    its = sweep or make_sweep()
    base = make_results(n)
    rng = np.random.default_rng(1)
    methods = []
    for entry in its.entries:
        plain = next(method for method in base.methods if method.method == entry.label).confidence
        methods.append(method_result(entry.label, entry.default_method, plain, base.correct))
        if entry.best_method not in (None, entry.default_method):
            better = np.clip(plain + 0.15 * (base.correct - plain) + rng.normal(0, 0.02, n), 0, 1)
            methods.append(method_result(entry.label, str(entry.best_method), better, base.correct))
    comparisons = [
        ShownComparison(method.label, other.label, name, a - b, a - b - 0.04, a - b + 0.04)
        for place, method in enumerate(methods)
        for other in methods[:place]
        for name in ("ece", "smece", "brier", "auroc")
        if (a := method.metrics[name].value) is not None and (b := other.metrics[name].value) is not None
    ]
    return replace(base, methods=methods, comparisons=comparisons, sweep=its, run="worldfacts-best-1f2e3d4c", **changes)
