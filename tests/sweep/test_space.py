"""The space of a sweep: what may be written, what comes out of it, and what is said of what may not."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycal.experiment.config import Experiment
from raycal.methods.base import Method
from raycal.methods.classifier import Classifier
from raycal.methods.recalibrated import Recalibrated
from raycal.methods.sampling import Sampling
from raycal.methods.verbalized import Verbalized
from raycal.sweep.options import SweepError
from raycal.sweep.space import Space

EXPERIMENT = Experiment(name="space")
SPACE: list[dict[str, Any]] = [
    {"method": "zero_shot"},
    {"method": "verbalized", "phrasing": ["probability", "words"]},
    {"method": "sampling", "k": {"low": 2, "high": 10}, "equivalence": ["exact", "token_overlap"]},
    {"method": "classifier", "layer": {"low": 10, "high": 12}, "weight_decay": {"low": 1e-3, "high": 1e3, "log": True}},
    {"method": "fine_tuned", "epochs": 1, "target_modules": [["q_proj", "v_proj"], "all-linear"]},
    {"method": "recalibrated", "of": [{"method": "zero_shot"}, {"method": "likelihood"}], "by": "platt"},
]


def space(*entries: dict[str, Any]) -> Space:
    return Space.of(entries or SPACE, EXPERIMENT)


def suggested(its: Space, seed: int, count: int) -> list[tuple[Method, dict[str, Any]]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    found = []
    for _ in range(count):
        trial = study.ask()
        _, method = its.suggest(trial)
        found.append((method, trial.params))
    return found


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_suggestion_is_in_the_space_and_names_its_own_parameters_alone(seed: int) -> None:
    suggestions = suggested(space(), seed, 5)
    assert len(suggestions) == 5
    for method, parameters in suggestions:
        assert parameters.pop("method") == method.method
        assert all(name.startswith(f"{method.method}.") for name in parameters)
        match method:
            case Sampling():
                assert method.k is not None
                assert 2 <= method.k <= 10
            case Classifier():
                assert method.layer is not None
                assert method.weight_decay is not None
                assert 10 <= method.layer <= 12
                assert 1e-3 <= method.weight_decay <= 1e3
            case Recalibrated():
                assert method.of.method in {"zero_shot", "likelihood"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"method": "samplin"}, r"sweep.space.0.method: there is no method 'samplin': did you mean 'sampling'\?"),
        ({"method": "sampling", "kk": [1]}, r"sweep.space.0.kk: sampling has no option 'kk': did you mean 'k'\?"),
        ({"method": "sampling", "k": [5, 11]}, r"sweep.space.0.k: 11: sampling needs at least 11 samples"),
        ({"method": "sampling", "k": {"low": 0, "high": 3}}, r"sweep.space.0.k: 0: .*greater than or equal to 1"),
        ({"method": "sampling", "k": {"low": 1.5, "high": 3}}, r"sweep.space.0.k: it is a whole number"),
        ({"method": "sampling", "k": {"low": 1}}, r"sweep.space.0.k: a range is"),
        ({"method": "sampling", "k": {"low": 3, "high": 1}}, r"sweep.space.0.k: low and high are numbers"),
        ({"method": "sampling", "k": []}, r"sweep.space.0.k: there is nothing to choose from"),
        ({"method": "fine_tuned", "dropout": {"low": 0.0, "high": 1.0}}, r"sweep.space.0.dropout: 1.0: .*less than 1"),
        ({"method": "fine_tuned", "learning_rate": {"low": 0, "high": 1, "log": True}}, r"with log starts above 0"),
        ({"method": "recalibrated", "by": "platt"}, r"sweep.space.0.by: 'platt': Field required"),
    ],
)
def test_what_does_not_fit_the_methods_model_is_said_with_its_key(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(SweepError, match=said):
        space(entry)


def test_all_faults_are_said_at_once_and_names_tell_entries_apart() -> None:
    with pytest.raises(SweepError) as raised:
        space({"method": "sampling", "k": [99]}, {"method": "nothing"})
    assert len(str(raised.value).splitlines()) == 2
    with pytest.raises(SweepError, match="two entries are called zero_shot"):
        space({"method": "zero_shot"}, {"method": "zero_shot"})
    assert len(space({"method": "sampling"}, {"method": "sampling", "name": "other"}).entries) == 2


def test_a_grid_is_every_combination_once() -> None:
    points = space(*SPACE[:3], SPACE[5]).grid()
    assert len(points) == 1 + 2 + 9 * 2 + 2
    assert len({str(point) for point in points}) == len(points)
    study = optuna.create_study()
    for point in points:
        study.enqueue_trial(point)
    methods = [space(*SPACE[:3], SPACE[5]).suggest(study.ask())[1].model_dump_json() for _ in points]
    assert len(set(methods)) == len(points)


def test_a_grid_needs_values_that_can_be_counted() -> None:
    with pytest.raises(SweepError, match=r"sweep.space \(classifier\): a grid needs a range with a step"):
        space().grid()
    stepped = {
        "method": "sampling",
        "equivalence": "token_overlap",
        "threshold": {"low": 0.3, "high": 0.7, "step": 0.2},
    }
    assert [point["sampling.threshold"] for point in space(stepped).grid()] == pytest.approx([0.3, 0.5, 0.7])


def test_a_setting_to_try_first_is_what_is_tried() -> None:
    its = space()
    point = its.point({"method": "fine_tuned", "target_modules": ["q_proj", "v_proj"]}, "here")
    study = optuna.create_study()
    study.enqueue_trial(point)
    _, method = its.suggest(study.ask())
    assert method.model_dump(include={"method", "target_modules", "epochs"}) == {
        "method": "fine_tuned",
        "target_modules": ("q_proj", "v_proj"),
        "epochs": 1,
    }


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"method": "likelihood"}, "here: there is no entry likelihood"),
        ({"method": "sampling", "k": 11}, "here.k: 11 is not between 2 and 10"),
        ({"method": "sampling", "threshold": 0.5}, "here.threshold: sampling is not searched over threshold"),
        ({"method": "verbalized", "phrasing": "percent"}, "here.phrasing: 'percent' is not among"),
    ],
)
def test_a_setting_to_try_first_must_be_in_the_space(point: dict[str, Any], said: str) -> None:
    with pytest.raises(SweepError, match=said):
        space().point(point, "here")


def test_a_default_keeps_what_is_fixed_and_takes_what_is_needed() -> None:
    defaults = {entry.label: entry.default for entry in space().entries}
    assert defaults["sampling"] == Sampling()
    assert defaults["fine_tuned"].model_dump()["epochs"] == 1
    assert defaults["recalibrated"].model_dump()["of"] == {"method": "zero_shot"}


def test_what_is_elicited_is_enough_for_all() -> None:
    methods = space().elicited()
    assert {str(one.phrasing) for one in methods if isinstance(one, Verbalized)} == {"probability", "words"}
    assert {one.layer for one in methods if isinstance(one, Classifier)} == {10, 11, 12}
    assert {one.k for one in methods if isinstance(one, Sampling)} == {10}
