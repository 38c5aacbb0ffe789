"""A whole experiment file: what is asked, who grades, how the numbers are computed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from raycal.config.engine import EngineConfig, ModelConfig
from raycal.config.section import Place, Section
from raycal.config.trainer import TrainerConfig
from raycal.experiment.capabilities import check_capabilities, check_judge
from raycal.grading.grader import AnyGrader, ModelGrader
from raycal.grading.judge import EquivalenceJudge
from raycal.grading.match import Match
from raycal.methods.base import AnyMethod, in_dependency_order, prompts_of, tunings
from raycal.methods.likelihood import Likelihood
from raycal.methods.sampling import Sampling
from raycal.methods.semantic_entropy import SemanticEntropy
from raycal.methods.verbalized import Verbalized
from raycal.methods.zero_shot import ZeroShot
from raycal.metrics import Convention
from raycal.metrics.binning import MOST_BINS
from raycal.metrics.bootstrap import MOST_REPLICATES
from raycal.questions.question import Split
from raycal.questions.sources.base import AnySource, refuse_shared_names
from raycal.questions.sources.worldfacts import WorldFacts


class Samples(Section):
    """The k sampled answers; setting k to 0 samples none."""

    k: int = Field(10, ge=0, le=1024)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(0.95, gt=0, le=1)


class ElicitConfig(Section):
    """What every question is asked; the follow-up queries derive from the methods."""

    max_tokens: int = Field(30, ge=1)
    first_line: bool = True  # an answer ends with its first line; false for answers that reason first
    few_shot: int = Field(0, ge=0)  # examples in front of each question, of its own subject where there are enough
    samples: Samples = Samples()
    sampled: tuple[Split, ...] = (Split.CALIBRATION, Split.TEST)  # which get samples and queries beside their answers


class GradeConfig(Section):
    """The first grader's word counts; agreement with the others is reported."""

    graders: tuple[AnyGrader, ...] = (Match(),)

    @model_validator(mode="after")
    def _graders_differ(self) -> GradeConfig:
        if not self.graders:
            raise ValueError("there is no grader: name at least one")
        labels = [grader.label for grader in self.graders]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"two graders are called {twice[0]}: take one out, or give it a name")
        identities = [grader.identity() for grader in self.graders]
        alike = [label for label, identity in zip(labels, identities, strict=True) if identities.count(identity) > 1]
        if alike:
            raise ValueError(f"{alike[0]} and {alike[1]} are one grader under two names: take one out")
        return self


class Missing(StrEnum):
    """What becomes of a question whose confidence is missing."""

    EXCLUDE = "exclude"
    BASE_RATE = "base_rate"  # impute the calibration split's share of correct answers


class EvaluateConfig(Section):
    """On which questions and by which conventions the numbers are computed."""

    split: Split = Split.TEST
    convention: Convention = Convention.EQUAL_WIDTH
    bins: int = Field(10, ge=1, le=MOST_BINS)
    missing: Missing = Missing.EXCLUDE
    replicates: int = Field(1000, ge=0, le=MOST_REPLICATES)  # bootstrap replicates; 0: no intervals
    level: float = Field(0.95, gt=0, lt=1)


_SEEDS = 2**32  # of the libraries by which methods are fitted


def check_labels(labels: Sequence[str], what: str) -> None:
    """Raise ValueError where two (methods, entries) have one label, or labels that a report shows alike."""
    by_look: dict[str, str] = {}
    for label in labels:
        look = label.replace("_", " ")
        if look in by_look:
            both = label if by_look[look] == label else f"{by_look[look]} and {label}, which look alike in a report"
            raise ValueError(f"two {what} are called {both}: take one out, or give it a name")
        by_look[look] = label


class Experiment(Section):
    """A whole experiment file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)  # with a hash, the name of files
    seed: int = Field(0, ge=0)
    storage: Place = Path("results")  # or s3://BUCKET/PREFIX
    questions: tuple[AnySource, ...] = (WorldFacts(),)
    splits: tuple[Split, ...] = (Split.TRAIN, Split.CALIBRATION, Split.TEST)  # which of them are asked
    model: ModelConfig = ModelConfig()
    engine: EngineConfig = EngineConfig()
    trainer: TrainerConfig = TrainerConfig()
    elicit: ElicitConfig = ElicitConfig()
    grade: GradeConfig = GradeConfig()
    methods: tuple[AnyMethod, ...] = (ZeroShot(), Verbalized(), Sampling(), Likelihood(), SemanticEntropy())
    equivalence_judge: EquivalenceJudge = EquivalenceJudge()  # of the methods with `equivalence: judge`
    embedding_model: str = "all-minilm-l6-v2"  # the packaged model, a local folder, or a repository of the hub
    evaluate: EvaluateConfig = EvaluateConfig()

    @classmethod
    def load(cls, path: Path | str, overrides: Mapping[str, Any] | None = None) -> Self:
        """The experiment of a YAML file, with overrides such as {"elicit.samples.k": 20}. Raises ExperimentError."""
        from raycal.experiment.file import load_config

        texts = [f"{key}={json.dumps(value, default=str)}" for key, value in (overrides or {}).items()]
        return load_config(cls, Path(path), texts)

    @model_validator(mode="after")
    def _datasets_are_named(self) -> Experiment:
        refuse_shared_names(self.questions)
        return self

    @model_validator(mode="after")
    def _labels_differ(self) -> Experiment:
        check_labels([method.label for method in self.methods], "methods")
        return self

    @model_validator(mode="after")
    def _seed_fits(self) -> Experiment:
        for method in in_dependency_order(self.methods):
            fit = method.needs().fit
            if fit is not None and fit.seeded and self.seed >= _SEEDS:
                raise ValueError(f"{method.label} is fitted with the seed, which must lie below {_SEEDS:,}: lower it")
        return self

    @model_validator(mode="after")
    def _no_adapter_on_another(self) -> Experiment:
        for tuned in tunings(self.methods):
            if tuned.adapter is None and tuned.model is None and self.model.adapter is not None:
                raise ValueError(
                    f"{tuned.label} would put a second adapter on model.adapter: take the method out, or give it "
                    "the adapter or the model of its own"
                )
        return self

    @model_validator(mode="after")
    def _sampled_where_fitted(self) -> Experiment:
        for method in in_dependency_order(self.methods):
            needs = method.needs()
            if needs.fit is None or needs.fit.on in self.elicit.sampled:
                continue
            read = [needs] if needs.fit.target is None else [needs, needs.fit.target.needs()]
            if any(part.samples or part.prompts for part in read):
                raise ValueError(
                    f"{method.label} learns from samples of the {needs.fit.on} split: add it to elicit.sampled"
                )
        return self

    @model_validator(mode="after")
    def _samples_suffice(self) -> Experiment:
        for method in in_dependency_order(self.methods):
            needed = method.needs().samples
            if needed > self.elicit.samples.k:
                raise ValueError(
                    f"{method.method} needs at least {needed} samples, but elicit.samples.k is "
                    f"{self.elicit.samples.k}: raise it, lower the method's k, or take the method out"
                )
        return self

    @model_validator(mode="after")
    def _backends_suffice(self) -> Experiment:
        check_capabilities(self.model, self.methods)
        for grader in self.grade.graders:
            if isinstance(grader, ModelGrader):
                check_judge(grader, grader.label)
        check_judge(self.equivalence_judge, "equivalence_judge")
        return self

    @model_validator(mode="after")
    def _prompts_differ(self) -> Experiment:
        prompts_of(self.methods)
        return self
