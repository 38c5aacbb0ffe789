"""Importances: which option decides, of a space in which not every trial has every option, and when nothing is said."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import optuna
import pytest

from raycal.experiment.config import Experiment
from raycal.report.sweep_results import Importances
from raycal.sweep.results import importances
from raycal.sweep.space import Space

ENTRIES: list[dict[str, Any]] = [
    {"method": "zero_shot"},
    {"method": "sampling", "k": {"low": 2, "high": 10}, "equivalence": ["exact", "token_overlap"]},
    {"method": "classifier", "layer": [10, 11], "weight_decay": {"low": 1e-3, "high": 1e3, "log": True}},
]
SPACE = Space.of(ENTRIES, Experiment(name="importance"))


def study_of(space: Space, count: int, value: Callable[[dict[str, Any]], float], direction: str = "minimize") -> Any:
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(count):
        trial = study.ask()
        space.suggest(trial)
        study.tell(trial, value(trial.params))
    return study


def of_one(study: Any, space: Space = SPACE, objective: str = "ece") -> Importances:
    return importances(study, space, [objective])[objective]


def shares(found: Importances) -> dict[tuple[str | None, str], float]:
    return {(its.entry, its.option): its.share for its in found.shares}


def by_method(params: dict[str, Any]) -> float:
    return {"zero_shot": 0.3, "sampling": 0.2, "classifier": 0.1}[params["method"]] + 0.001 * len(params)


def test_shares_are_of_every_searched_option_and_add_up() -> None:
    found = of_one(study_of(SPACE, 60, by_method))
    assert set(shares(found)) == {
        (None, "method"),
        ("sampling", "k"),
        ("sampling", "equivalence"),
        ("classifier", "layer"),
        ("classifier", "weight_decay"),
    }
    assert sum(shares(found).values()) == pytest.approx(1)
    ranked = [its.share for its in found.shares]
    assert ranked == sorted(ranked, reverse=True)
    assert found.reason is None


def test_what_decides_has_the_largest_share() -> None:
    assert of_one(study_of(SPACE, 80, by_method)).shares[0].option == "method"
    sampling = Space.of(ENTRIES[1:2], Experiment(name="importance"))
    for option, value in (
        ("k", lambda params: params["sampling.k"]),
        ("equivalence", lambda params: params["sampling.equivalence"] == "exact"),
    ):
        assert of_one(study_of(sampling, 80, value), sampling).shares[0].option == option


@pytest.mark.parametrize(("objective", "direction"), [("ece", "minimize"), ("auroc", "maximize")])
def test_the_better_end_is_that_of_the_objective(objective: str, direction: str) -> None:
    """Where samplings are the best and k makes them so, no option of the others matters; from the worse end it does."""
    sign = 1 if direction == "minimize" else -1

    def value(params: dict[str, Any]) -> float:
        if params["method"] == "sampling":
            return float(sign * params["sampling.k"] / 100)
        return float(sign * (0.5 + params.get("classifier.layer", 0) / 100))

    found = shares(of_one(study_of(SPACE, 120, value, direction), objective=objective))
    assert found["sampling", "k"] > 0.05
    assert found["classifier", "layer"] == 0


def test_the_same_study_has_the_same_shares() -> None:
    one, other = (of_one(study_of(SPACE, 40, by_method)) for _ in range(2))
    assert one == other


def test_nothing_is_warned_of() -> None:
    study = study_of(SPACE, 12, by_method)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert of_one(study).shares


@pytest.mark.parametrize(
    ("count", "value", "said"),
    [
        (0, by_method, "0 trials finished, and it takes 10 to tell options apart"),
        (9, by_method, "9 trials finished, and it takes 10 to tell options apart"),
        (20, lambda params: 0.25, "all finished trials have the same value"),
        (20, lambda params: float(len(params) == 1), "no option tells the best trials from the others"),
    ],
)
def test_what_cannot_be_said_has_a_reason(count: int, value: Callable[[dict[str, Any]], float], said: str) -> None:
    space = Space.of([{"method": "zero_shot"}], Experiment(name="none")) if "no option" in said else SPACE
    study = study_of(space, count, value)
    if "no option" in said:
        study.tell(study.ask(), 0.5)
    assert of_one(study, space) == Importances(reason=said)


def test_each_objective_has_its_own() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(40):
        trial = study.ask()
        SPACE.suggest(trial)
        study.tell(trial, [by_method(trial.params), 0.5])
    found = importances(study, SPACE, ["ece", "auroc"])
    assert found["ece"].shares
    assert found["auroc"].reason == "all finished trials have the same value"
