"""Models that cannot do what is wanted of them: refused when a file is read, by who wants it, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_store import make_experiment

from raycal.experiment.config import Experiment
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.sweep.config import SweepExperiment, read_sweep
from raycal.sweep.names import elicited_experiment
from raycal.sweep.options import SweepError
from raycal.sweep.space import Space

ENDPOINT = "{path: m, backend: openai, endpoint: {base_url: 'http://h/v1'}}"
STATES = "{path: MODEL, backend: transformers_states}"

# What was tried, the settings, and what must come.
REFUSED = [
    (
        "a judge's backend is misspelled",
        ["grade.graders=[match, {grader: judge, model: {path: MODEL, backend: vlm}}]"],
        "no backend 'vlm': did you mean 'vllm'",
    ),
    (
        "the same of equivalence",
        ["equivalence_judge.model={path: MODEL, backend: transformer}"],
        "no backend 'transformer': did you mean 'transformers'",
    ),
    (
        "a judge that reads states and says nothing",
        [f"grade.graders=[{{grader: judge, name: strict, model: {STATES}}}]"],
        "strict needs generations, which the backend transformers_states does not have",
    ),
    (
        "the same without a name, behind others",
        [f"grade.graders=[match, judge, {{grader: judge, model: {STATES}}}]"],
        r"judge \(model\) needs generations",
    ),
    (
        "the same of equivalence, by states of another kind",
        ["equivalence_judge.model={path: MODEL, backend: simulated_states}"],
        "equivalence_judge needs generations, which the backend simulated_states does not have",
    ),
    (
        "a judge behind no endpoint",
        ["grade.graders=[{grader: judge, model: {path: m, backend: openai}}]"],
        r"grade\.graders\.0\.model: backend openai and endpoint go together",
    ),
    (
        "an endpoint without its backend",
        ["equivalence_judge.model={path: m, endpoint: {base_url: 'http://h/v1'}}"],
        r"equivalence_judge\.model: backend openai and endpoint go together",
    ),
    (
        "a judge's key in its address",
        ["equivalence_judge.model={path: m, backend: openai, endpoint: {base_url: 'http://me:key@h/v1'}}"],
        "name the key by api_key_env",
    ),
]
ACCEPTED = [
    ("a judge behind an endpoint", [f"grade.graders=[{{grader: judge, model: {ENDPOINT}}}, match]"]),
    ("equivalence behind an endpoint", [f"equivalence_judge.model={ENDPOINT}"]),
    ("a judge in transformers", ["grade.graders=[{grader: judge, model: {path: MODEL, backend: transformers}}]"]),
]


def settings_of(tmp_path: Path, settings: list[str]) -> list[str]:
    return [setting.replace("MODEL", str(tmp_path / "model")) for setting in settings]


@pytest.mark.parametrize(("settings", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_judge_that_cannot_be_asked_is_refused(tmp_path: Path, settings: list[str], message: str) -> None:
    path = make_experiment(tmp_path, 20)
    with pytest.raises(ExperimentError, match=message):
        read_experiment(path, settings_of(tmp_path, settings))


@pytest.mark.parametrize("settings", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_a_judge_that_can_be_asked_is_not(tmp_path: Path, settings: list[str]) -> None:
    assert read_experiment(make_experiment(tmp_path, 20), settings_of(tmp_path, settings))


# Spaces whose methods a model or its samples suffice for, though not for all methods that an experiment has by default.
SEARCHED = [
    ("an endpoint", [f"model={ENDPOINT}"], "[{method: verbalized}, {method: sampling, k: [2, 5]}]"),
    ("its likelihoods", [f"model={ENDPOINT}"], "[{method: recalibrated, of: {method: likelihood}, by: platt}]"),
    ("no samples", ["elicit.samples.k=0"], "[{method: zero_shot}, {method: verbalized}]"),
    ("few samples", ["elicit.samples.k=1"], "[{method: sampling, weighting: [count, likelihood]}]"),
]
NOT_SEARCHED = [
    ("the next token", [f"model={ENDPOINT}"], "[{method: zero_shot}]", "zero_shot needs log-probabilities of the next"),
    ("states", [f"model={ENDPOINT}"], "[{method: classifier, layer: [1, 2]}]", "needs hidden states, which"),
    ("too few samples", ["elicit.samples.k=1"], "[{method: semantic_entropy}]", "needs at least 2 samples"),
]


def sweep_of(tmp_path: Path, settings: list[str], space: str) -> SweepExperiment:
    path = tmp_path / "sweep.yaml"
    text = make_experiment(tmp_path, 20).read_text()
    path.write_text(f"{text[: text.index('methods:')]}sweep: {{space: {space}}}\n")
    return read_sweep(path, settings)


def searched(file: SweepExperiment) -> Experiment:
    return elicited_experiment(file.experiment, Space.of(file.sweep.space, file.experiment))


@pytest.mark.parametrize(("settings", "space"), [row[1:] for row in SEARCHED], ids=[row[0] for row in SEARCHED])
def test_a_sweep_needs_what_its_space_needs_and_no_more(tmp_path: Path, settings: list[str], space: str) -> None:
    assert searched(sweep_of(tmp_path, settings, space)).methods


@pytest.mark.parametrize(
    ("settings", "space", "message"), [row[1:] for row in NOT_SEARCHED], ids=[row[0] for row in NOT_SEARCHED]
)
def test_what_its_space_lacks_is_refused(tmp_path: Path, settings: list[str], space: str, message: str) -> None:
    with pytest.raises(SweepError, match=rf"sweep\.space\.0\..*{message}"):
        searched(sweep_of(tmp_path, settings, space))
