"""The sweep from its file to its trials: what all need is made once, then Ray Tune runs them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from raycal.cluster.connection import connect
from raycal.cluster.resources import plan_workers
from raycal.errors import RaycalError
from raycal.events import OnEvent, StageResult
from raycal.experiment.run import Run
from raycal.methods.base import in_dependency_order
from raycal.stages.pipeline import elicit_stage, features_stage, grade_stage, judge_pairs
from raycal.store.atomic import remove_folder
from raycal.store.locations import Location, for_arrow
from raycal.store.schemas import Table
from raycal.store.store import Store
from raycal.sweep.config import Sampler, Scheduler, SweepConfig, SweepExperiment, goal
from raycal.sweep.names import elicited_experiment, sweep_id
from raycal.sweep.options import SweepError
from raycal.sweep.recorder import Recorder
from raycal.sweep.space import Space
from raycal.sweep.study import StudyFile, enqueue, open_study, remaining, repeat, searcher
from raycal.sweep.trial import run_trial, trains
from raycal.text.normalize import last_line

if TYPE_CHECKING:
    from optuna import Study


_ROUNDS = 3  # a trial is run twice more where its process is lost; the sweep goes on meanwhile


class SweepFailedError(RaycalError, RuntimeError):
    """No trial succeeded; the message says why the last one did not."""


@dataclass(frozen=True)
class Sweep:
    """A sweep whose space is checked and whose questions are in the store."""

    config: SweepConfig
    space: Space
    run: Run  # of methods that need all that any of the space needs

    @classmethod
    def open(cls, file: SweepExperiment, questions_in: Store | None = None) -> Sweep:
        """Check the space against the methods' models, and open the run. Raises SweepError and as `Run.open` does."""
        space = Space.of(file.sweep.space, file.experiment)
        points_of(file.sweep, space)
        return cls(file.sweep, space, Run.open(elicited_experiment(file.experiment, space), questions_in))

    @cached_property
    def points(self) -> list[dict[str, Any]]:
        """See `points_of`."""
        return points_of(self.config, self.space)

    @property
    def size(self) -> int:
        """How many trials there are in all."""
        return len(self.points) if self.config.sampler is Sampler.GRID else self.config.trials

    @cached_property
    def id(self) -> str:
        """See `sweep_id`."""
        return sweep_id(self.run.experiment.name, self.run.id, self.config)

    @property
    def folder(self) -> Location:
        """Where the study and Ray Tune's own files lie."""
        return self.run.store.root / "sweeps" / self.id

    def check_new(self) -> None:
        """Raise SweepError where the sweep has trials already."""
        if count := len(self.trials()):
            raise SweepError(f"the sweep {self.id} has {count} trials already: go on with it by --resume")

    def trials(self) -> list[dict[str, Any]]:
        """The rows of TRIALS, in the order of their numbers, with their objectives as a mapping."""
        shards = {Table.TRIALS: self.run.store.shards(Table.TRIALS, self.id)}
        rows = self.run.store.rows("SELECT * FROM trials ORDER BY number", shards=shards)
        return [row | {"objectives": json.loads(row["objectives"])} for row in rows]


def points_of(config: SweepConfig, space: Space) -> list[dict[str, Any]]:
    """The parameters of the settings that are tried first, and of a grid's; a grid has no others. Raises SweepError."""
    written = enumerate(config.points_to_evaluate)
    points = [space.point(point, f"sweep.points_to_evaluate.{number}") for number, point in written]
    return points + space.grid() if config.sampler is Sampler.GRID else points


def run_sweep(sweep: Sweep, on_event: OnEvent, *, resume: bool) -> Study:
    """Run the trials that are left; returns Optuna's study with all of them.

    Raises SweepError, SweepFailedError, ResourceError, and as the stages before scoring do.
    """
    ended = {trial["number"]: trial for trial in sweep.trials()}
    file = StudyFile(sweep.folder)
    study = open_study(sweep.config, sweep.id, file.folder, ended, resume=resume)
    if not study.trials:
        enqueue(study, sweep.points)
    left = remaining(study, sweep.size)
    message = f"{sweep.id}, {sweep.size - left} of {sweep.size} trials are done"
    counts = {"sweep": sweep.id, "done": sweep.size - left, "trials": sweep.size}
    on_event(StageResult("sweep", message, counts))
    if left:
        # Of a trial that was stopped, Ray Train frees the workers' places once it hears that their controller is gone.
        connect(dashboard=sweep.config.scheduler is not Scheduler.NONE)
        _prepare(sweep.run, on_event)
    for repeats in reversed(range(_ROUNDS)):
        if not left:
            break
        for lost in _run_trials(sweep, study, file, left, on_event, keeps_lost=not repeats):
            repeat(study, lost)
        left = remaining(study, sweep.size)
    return study


def _prepare(run: Run, on_event: OnEvent) -> None:
    """Make what the trials share, so that none of them needs an engine."""
    elicit_stage(run, on_event)
    grade_stage(run, on_event)
    features_stage(run, on_event)
    for method in in_dependency_order(run.experiment.methods):
        judge_pairs(run, method, on_event)


def _run_trials(
    sweep: Sweep, study: Study, file: StudyFile, count: int, on_event: OnEvent, *, keeps_lost: bool
) -> list[int]:
    """Run some trials; returns those whose process was lost, unless they are to be kept as failed."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # the store has the numbers
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"  # paths in the experiment are relative to where it was started
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C would pass for the end of the sweep, and go on to test
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the new one prints whatever the verbosity
    from ray import tune

    nodes = connect()
    plan_workers(sweep.run.experiment.trainer, nodes)
    objectives = sweep.config.objectives
    trainable = tune.with_parameters(run_trial, run=sweep.run, objectives=objectives)
    recorder = Recorder(
        sweep.run.store, sweep.id, objectives, count, on_event, keep_study=file.keep, keeps_lost=keeps_lost
    )
    files = sweep.folder / "tune"
    remove_folder(files)  # of a killed driver; nothing of it is read again
    (path,), filesystem = for_arrow([sweep.folder])
    tuner = tune.Tuner(
        tune.with_resources(trainable, _resources(sweep.config)),
        tune_config=tune.TuneConfig(
            num_samples=count,
            # A sampler that began anew would suggest again what it did before the kill.
            search_alg=searcher(
                study, sweep.config, sweep.space, sweep.run.experiment.seed + len(study.get_trials(deepcopy=False))
            ),
            scheduler=_scheduler(sweep.config),
            # A trial that only scores takes less time than its process needs to start. One that is stopped must end
            # with its process: the training hangs on it.
            reuse_actors=sweep.config.scheduler is Scheduler.NONE,
        ),
        run_config=tune.RunConfig(
            name=files.name,
            storage_path=path,
            storage_filesystem=filesystem,
            callbacks=[recorder, *_mlflow(sweep)],
            stop=recorder,
            verbose=0,
        ),
    )
    with recorder:
        tuner.fit()
    file.keep()
    remove_folder(files)
    if recorder.all_failed:
        raise SweepFailedError(f"every trial failed, the last one with: {last_line(recorder.all_failed)}")
    return recorder.lost


def _resources(config: SweepConfig) -> Callable[[Mapping[str, Any]], Any]:
    """What Ray Tune reserves for a trial itself.

    A trial that trains reserves no CPU: it only waits for its workers, who are placed all together or not at all. So
    no trial holds what another one waits for.
    """
    from ray import tune

    def of(trial: Mapping[str, Any]) -> Any:
        # Ray takes no empty reservation.
        return tune.PlacementGroupFactory([{"memory": 1} if trains(trial) else {"CPU": config.cpus_per_trial}])

    return of


def _scheduler(config: SweepConfig) -> Any:
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule

    first = config.objectives[0]
    sought = {"metric": first, "mode": goal(first)}
    match config.scheduler:
        case Scheduler.NONE:
            return FIFOScheduler()
        case Scheduler.ASHA:
            # The first report is of the base model, before any step.
            return ASHAScheduler(**sought, grace_period=2, max_t=10_000)
        case Scheduler.MEDIAN:
            return MedianStoppingRule(**sought, grace_period=2, time_attr="training_iteration")


def _mlflow(sweep: Sweep) -> list[Any]:
    if sweep.config.mlflow is None:
        return []
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    return [MLflowLoggerCallback(tracking_uri=sweep.config.mlflow, experiment_name=sweep.id)]
