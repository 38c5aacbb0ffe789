"""What enters a key of a section: the options that differ from their defaults, and versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from golden_ids import made_up_run
from pydantic import Field

from raycal.config.engine import ModelConfig, PromptStyle
from raycal.config.section import Section
from raycal.experiment.config import ElicitConfig, Experiment, Samples
from raycal.experiment.run import Run, run_id
from raycal.methods.base import Method
from raycal.methods.classifier import Classifier
from raycal.methods.combined import Combined
from raycal.methods.fine_tuned import FineTuned
from raycal.methods.likelihood import Likelihood
from raycal.methods.recalibrated import Recalibrated
from raycal.methods.sampling import Sampling
from raycal.methods.semantic_entropy import SemanticEntropy
from raycal.methods.verbalized import Verbalized
from raycal.methods.zero_shot import ZeroShot
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.stages.artifacts import SettingsError, check_settings, write_settings
from raycal.stages.finetune import adapter_id
from raycal.stages.score import score_keys
from raycal.sweep.config import SweepConfig
from raycal.sweep.names import sweep_id


class LaterSamples(Samples):
    """Samples, whose defaults have changed since."""

    version: ClassVar[int] = 2


class LaterZeroShot(ZeroShot):
    version: ClassVar[int] = 2


class LaterSampling(Sampling):
    """As a later release may have it."""

    smoothing: float = 0.0


class LaterFineTuned(FineTuned):
    averaged: bool = False


class LaterElicitConfig(ElicitConfig):
    language: str | None = None


class LaterExperiment(Experiment):
    elicit: ElicitConfig = LaterElicitConfig()
    tags: tuple[str, ...] = ()


ENTROPY = {"entropy": {"method": "semantic_entropy", "version": 2}}  # of a classifier, whose arithmetic has changed


@pytest.mark.parametrize(
    ("section", "identity"),
    [
        (ZeroShot(), {"method": "zero_shot"}),
        (ZeroShot(name="yes or no"), {"method": "zero_shot"}),
        (Sampling(k=None, threshold=0.5), {"method": "sampling", "version": 2}),
        (Sampling(threshold=0.6, k=3), {"method": "sampling", "version": 2, "k": 3, "threshold": 0.6}),
        (FineTuned(adapter=Path("a/b")), {"method": "fine_tuned", "adapter": "a/b"}),
        (FineTuned(alpha=32), {"method": "fine_tuned"}),
        (Classifier(model=ModelConfig()), {"method": "classifier", "model": {}} | ENTROPY),  # None is another model
        (Classifier(entropy=SemanticEntropy(name="any")), {"method": "classifier"} | ENTROPY),
        (
            Combined(of=(Likelihood(), Sampling(k=2))),
            {"method": "combined", "of": [{"method": "likelihood"}, {"method": "sampling", "version": 2, "k": 2}]},
        ),
        (WorldFacts(limit=5), {"source": "worldfacts", "limit": 5}),
        (ElicitConfig(samples=Samples(k=10)), {}),
        (ElicitConfig(samples=Samples(k=3)), {"samples": {"k": 3}}),
        (ElicitConfig(samples=LaterSamples()), {"samples": {"version": 2}}),
        (Recalibrated(of=LaterZeroShot()), {"method": "recalibrated", "of": {"method": "zero_shot", "version": 2}}),
        (ModelConfig(prompt_style=PromptStyle.CHAT), {"prompt_style": "chat"}),
    ],
)
def test_identity_is_what_differs_from_the_defaults(section: Section, identity: dict[str, Any]) -> None:
    assert json.loads(section.identity()) == identity


def test_identity_does_not_depend_on_the_order_of_options() -> None:
    class Reordered(ModelConfig):
        path: str = Field("smollm2-135m-instruct")

    given = {"revision": "r", "path": "p"}
    assert Reordered.model_validate(given).identity() == ModelConfig.model_validate(given).identity()
    assert ModelConfig(path="p", revision="r").identity() == '{"path": "p", "revision": "r"}'


def test_equal_settings_are_equal_in_keys_whichever_of_them_are_written_out() -> None:
    written = Experiment.model_validate_json(Experiment(name="x").model_dump_json())
    assert written.identity() == Experiment(name="x").identity()
    # The default methods stand there, as one of them has a version.
    methods = json.loads(written.identity())
    assert methods.keys() == {"methods", "name"}
    assert {"method": "verbalized", "version": Verbalized.version} in methods["methods"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_up_run(tmp_path_factory.mktemp("run"))


def test_a_later_option_at_its_default_changes_no_run_id(run: Run) -> None:
    model = run.recipe.model
    elicit = LaterElicitConfig.model_validate(dict(run.experiment.elicit))
    later = LaterExperiment.model_validate(dict(run.experiment) | {"elicit": elicit})
    assert run_id(later, model) == run.id
    for changes in ({"tags": ("a",)}, {"elicit": elicit.model_copy(update={"language": "de"})}):
        assert run_id(later.model_copy(update=changes), model) != run.id


@pytest.mark.parametrize(
    ("method", "later", "changed"),
    [
        (Sampling(), LaterSampling(), LaterSampling(smoothing=0.5)),
        (FineTuned(), LaterFineTuned(), None),
        (Recalibrated(of=Sampling()), Recalibrated(of=LaterSampling()), Recalibrated(of=LaterSampling(smoothing=0.5))),
    ],
    ids=lambda method: type(method).__name__,
)
def test_a_later_option_at_its_default_changes_no_score(
    run: Run, method: Method, later: Method, changed: Method | None
) -> None:
    keys = score_keys(run, method)["key"].to_pylist()
    assert keys
    assert score_keys(run, later)["key"].to_pylist() == keys
    if changed is not None:
        assert not {*score_keys(run, changed)["key"].to_pylist()} & {*keys}


def test_a_new_version_of_what_a_method_builds_on_changes_its_scores(run: Run) -> None:
    before, after = (
        score_keys(run, Recalibrated(of=base))["key"].to_pylist() for base in (ZeroShot(), LaterZeroShot())
    )
    assert not {*before} & {*after}


def test_a_stored_configuration_is_read_by_a_release_with_more_options(run: Run) -> None:
    later = LaterExperiment.model_validate_json(run.experiment.model_dump_json())
    assert run_id(later, run.recipe.model) == run.id


def test_a_later_option_at_its_default_changes_no_adapter(run: Run) -> None:
    assert adapter_id(run, LaterFineTuned()) == adapter_id(run, FineTuned())
    assert adapter_id(run, LaterFineTuned(averaged=True)) != adapter_id(run, FineTuned())


def test_a_sweep_is_the_same_however_far_and_fast_it_goes() -> None:
    space = ({"method": "zero_shot"},)
    name = sweep_id("s", "s-1", SweepConfig(space=space))
    assert sweep_id("s", "s-1", SweepConfig(space=space, trials=3, concurrency=1)) == name
    assert sweep_id("s", "s-2", SweepConfig(space=space)) != name
    assert sweep_id("s", "s-1", SweepConfig(space=({"method": "likelihood"},))) != name


def test_an_adapter_from_before_an_option_was_trained_with_its_default(tmp_path: Path) -> None:
    write_settings(tmp_path, FineTuned(rank=4))
    check_settings(tmp_path, LaterFineTuned(rank=4), ["rank", "averaged"])
    with pytest.raises(SettingsError, match="fitted with averaged: false, and is asked for with true"):
        check_settings(tmp_path, LaterFineTuned(rank=4, averaged=True), ["rank", "averaged"])


def test_what_raycal_did_not_fit_is_used_as_the_method_says(tmp_path: Path) -> None:
    check_settings(tmp_path, LaterFineTuned(averaged=True), ["averaged"])
