from __future__ import annotations

from pathlib import Path

import pytest

from raycal.experiment.config import Experiment
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.methods.sampling import Sampling
from raycal.questions.sources.worldfacts import WorldFacts


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write_yaml(text: str) -> Path:
        path = tmp_path / "experiment.yaml"
        path.write_text(text)
        return path

    return write_yaml


def test_a_name_is_all_that_an_experiment_needs(write) -> None:  # type: ignore[no-untyped-def]
    assert read_experiment(write("name: tiny")) == Experiment(name="tiny")
    assert read_experiment(None).name == "default"


def test_overrides_reach_into_sections_and_lists(write) -> None:  # type: ignore[no-untyped-def]
    path = write("name: x\nmethods: [{method: sampling}]\nquestions: [{source: worldfacts}]")
    experiment = read_experiment(
        path, ["elicit.samples.k=5", "methods.0.k=3", "questions.0.limit=7", "storage=/tmp/a b", "seed=2"]
    )
    assert experiment.elicit.samples.k == 5
    assert experiment.methods == (Sampling(k=3),)
    assert experiment.questions == (WorldFacts(limit=7),)
    assert (str(experiment.storage), experiment.seed) == ("/tmp/a b", 2)  # noqa: S108 - never opened


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("name: x\nelict: {}", [], "there is no key elict, did you mean elicit?"),
        ("name: x\nelicit: {sample: {k: 3}}", [], "there is no key elicit.sample, did you mean samples?"),
        ("name: x\nquestions: [{source: worldfacts, limt: 3}]", [], "no key questions.0.limt, did you mean limit?"),
        ("name: x\nmethods: [{method: sampling, wieght: count}]", [], "methods.0.wieght, did you mean weighting?"),
        ("name: x", ["engine.replica=2"], "there is no key engine.replica, did you mean replicas?"),
        ("name: x\nmethods: [{method: zeroshot}]", [], r"methods.0: there is no method 'zeroshot': .* 'zero_shot'\?"),
        ("name: x\nmethods: [{method: magic}]", [], "There is: classifier, combined, fine_tuned, "),
        ("name: x\nmethods: [{metod: sampling}]", [], "methods.0: it has no method: name one"),
        ("name: x\nelicit: {samples: {k: -1}}", [], "elicit.samples.k: "),
        ("name: a/b", [], "name: "),
        ("{}", [], "name: Field required"),
        ("- 1", [], "a mapping of keys to values"),
        ("name: [", [], "experiment.yaml: "),
        ("name: x\nmethods: [{method: sampling}]", ["methods.sampling.k=5"], "'sampling' .* is not an int"),
        (
            "name: x\nmodel: {adapter: there}\nmethods: [{method: fine_tuned, name: tuned}]",
            [],
            "tuned would put a second adapter on model.adapter",
        ),
        ("name: x", ["seed"], "--set seed: write it as KEY=VALUE"),
        ("name: x\nmethods: [{method: sampling, k: 30}]", [], "raise it, lower the method's k"),
        ("name: x\nelicit: {samples: {k: 0}}\nmethods: [{method: sampling}]", [], "needs at least 1 samples"),
        ("name: x\nmethods: [{method: recalibrated, of: {method: sampling, k: 99}}]", [], "needs at least 99 samples"),
    ],
)
def test_mistakes_are_said_with_their_key(write, text: str, overrides: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ExperimentError, match=message):
        read_experiment(write(text), overrides)


def test_every_mistake_is_said_at_once(write) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ExperimentError) as raised:
        read_experiment(write("name: x\nelict: {}\nseeed: 1"))
    assert len(str(raised.value).splitlines()) == 2


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ExperimentError, match=r"binary\.yaml: .*can't decode"):
        read_experiment(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="there is no experiment file"):
        read_experiment(tmp_path / "nope.yaml")
