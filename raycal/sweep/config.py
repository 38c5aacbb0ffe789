"""A sweep: an experiment with a space of methods and their options to search in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from raycal.config.section import Section
from raycal.experiment.config import Experiment
from raycal.experiment.file import load_config
from raycal.metrics import METRICS


def goal(objective: str) -> Literal["min", "max"]:
    """Which end of an objective is the better, as Ray Tune has it. Raises UnknownNameError."""
    return "max" if METRICS.get(objective).higher_is_better else "min"


def _objective(name: str) -> str:
    if not METRICS.get(name).of_method:
        raise ValueError(f"{name} is the same for all methods, and so cannot be searched for")
    return name


# The name of a metric of the calibration split that decides how good a setting is.
Objective = Annotated[str, AfterValidator(_objective)]


class Sampler(StrEnum):
    """Where the next setting comes from."""

    TPE = "tpe"  # Optuna's tree-structured Parzen estimator, for one objective or several
    NSGA2 = "nsga2"  # its genetic algorithm for several objectives
    RANDOM = "random"
    GRID = "grid"  # every combination; a range needs a step or whole numbers


class Scheduler(StrEnum):
    """Which fine-tuning trials are stopped before their end, by the first objective after each evaluation."""

    NONE = "none"
    ASHA = "asha"
    MEDIAN = "median"


class SweepConfig(Section):
    """What is searched, for what, and by which means.

    A space is a list of methods. Each of their options is a value, a list of values to choose from, or a range
    `{low: 1, high: 10, log: false, step: null}`; options that are not named keep their defaults.
    """

    space: tuple[dict[str, Any], ...] = Field(min_length=1)
    trials: int = Field(40, ge=1)
    objectives: tuple[Objective, ...] = Field(("ece", "auroc"), min_length=1)
    sampler: Sampler = Sampler.TPE
    scheduler: Scheduler = Scheduler.NONE
    points_to_evaluate: tuple[dict[str, Any], ...] = ()  # settings that are tried first, written as methods
    concurrency: int = Field(2, ge=1)  # trials at a time
    in_batches: bool = True  # suggestions wait for a whole batch of trials, and so depend on the seed alone
    cpus_per_trial: float = Field(1, gt=0)  # of the trials that only score; those that train have their workers
    study: str | None = None  # an SQLAlchemy URL, for a password see docs/experiments.md; None: a file in the store
    mlflow: str | None = None  # a tracking URI, where every trial is to be logged

    @model_validator(mode="after")
    def _objectives_differ(self) -> SweepConfig:
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("an objective is named twice")
        return self

    @field_validator("mlflow")
    @classmethod
    def _installed(cls, mlflow: str | None) -> str | None:
        if mlflow is not None and find_spec("mlflow") is None:
            raise ValueError("to log trials there, install raycal[mlflow]")
        return mlflow

    @model_validator(mode="after")
    def _schedulable(self) -> SweepConfig:
        seen = ("ece", "auroc")  # what fine-tuning knows of its calibration split as it goes
        if self.scheduler is not Scheduler.NONE and self.objectives[0] not in seen:
            raise ValueError(f"the scheduler {self.scheduler} goes by the first objective, which must be ece or auroc")
        return self


class SweepExperiment(Experiment):
    """A sweep's file: an experiment whose methods are those of the space."""

    sweep: SweepConfig

    @model_validator(mode="before")
    @classmethod
    def _methods_from_the_space(cls, options: Any) -> Any:
        if not isinstance(options, Mapping):
            return options
        if "methods" in options:
            raise ValueError("a sweep's methods stand in sweep.space, and not in methods")
        return {**options, "methods": ()}  # an experiment's own may need what the model or the samples lack

    @property
    def experiment(self) -> Experiment:
        """The experiment without the sweep."""
        return Experiment.model_validate({name: getattr(self, name) for name in Experiment.model_fields})


def read_sweep(path: Path, overrides: Sequence[str] = ()) -> SweepExperiment:
    """A sweep from a YAML file, with overrides. Raises ExperimentError."""
    return load_config(SweepExperiment, path, overrides)
