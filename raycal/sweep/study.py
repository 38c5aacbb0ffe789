"""Optuna's study of a sweep, and the file that it is kept in."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import ConcurrencyLimiter, Searcher
from ray.tune.search.optuna import OptunaSearch

from raycal._compat.optuna import storage_of
from raycal._compat.ray import without_study
from raycal.store.atomic import atomic_file
from raycal.store.locations import Location
from raycal.sweep.config import Sampler, SweepConfig, goal
from raycal.sweep.options import SweepError
from raycal.sweep.space import Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


NUMBER, ENTRY, CONFIG = "number", "entry", "method_config"  # keys of what Tune passes to a trial
RUN, FINISHED = "run", "finished"  # keys of what a trial reports to Tune
_PASSWORD = "RAYCAL_STUDY_PASSWORD"  # noqa: S105 - the variable that has it
_SEEDS = 2**32  # of Optuna's samplers
_INSTEAD_OF = "instead_of"  # which trial of a killed driver or a lost process another one is run for

optuna.logging.set_verbosity(optuna.logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)


class StudySearch(OptunaSearch):  # type: ignore[misc]
    """Ray Tune's search over a sweep's study, which knows a trial that was stopped early from one that finished."""

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """Tell Optuna: finished, failed, or stopped by the scheduler, whose numbers are those of half a training."""
        finished = result is not None and result.get(FINISHED)
        super().on_trial_complete(trial_id, result if finished else None, error)

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the study's database is what a sweep goes on from, and no pickle is ever read."""
        Path(checkpoint_path).touch()

    def __getstate__(self) -> dict[str, Any]:
        """Without the database, whose address may have a password in it: Ray Tune pickles a search into its folder."""
        return without_study(self.__dict__)


def open_study(
    config: SweepConfig, name: str, folder: Path, ended: Mapping[int, Mapping[str, Any]], *, resume: bool
) -> Study:
    """The sweep's study, told now what a killed driver had not told it.

    Trials that had `ended` (rows of TRIALS by number) ended as they did; all others are run again, before any new one.

    Raises SweepError where there are trials already and `resume` is false, and where the storage cannot be opened.
    """
    if config.study is None:
        folder.mkdir(parents=True, exist_ok=True)
    try:
        storage = optuna.storages.RDBStorage(_url(config.study) if config.study else f"sqlite:///{folder / DATABASE}")
    except Exception as error:  # SQLAlchemy's and its drivers' errors have no common base
        raise SweepError(f"sweep.study cannot be opened ({type(error).__name__}): is it an SQLAlchemy URL?") from error
    directions = [f"{goal(objective)}imize" for objective in config.objectives]
    study = optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
    if study.trials and not resume:
        raise SweepError(f"the sweep {name} has {len(study.trials)} trials already: go on with it by --resume")
    trials = study.get_trials(deepcopy=False)
    replaced = superseded(trials)
    for trial in trials:
        row = ended.get(trial.number)
        if trial.state is TrialState.RUNNING:
            _tell(study, trial.number, row, config.objectives)
        # Ray Tune tells the study of an end first: the driver may have been killed before the row was written.
        if row is None and trial.state is not TrialState.WAITING and trial.number not in replaced:
            repeat(study, trial.number)
    return study


def _url(study: str) -> str:
    """The address of a study's database, with the password that the driver's environment has for it."""
    from sqlalchemy import make_url

    password = os.environ.get(_PASSWORD)
    return make_url(study).set(password=password).render_as_string(hide_password=False) if password else study


def _tell(study: Study, number: int, row: Mapping[str, Any] | None, objectives: Sequence[str]) -> None:
    match row:
        case {"state": "finished", "objectives": values}:
            study.tell(number, [values[one] for one in objectives])
        case {"state": "stopped"}:
            study.tell(number, state=TrialState.PRUNED)
        case _:
            study.tell(number, state=TrialState.FAIL)


def repeat(study: Study, number: int) -> None:
    """Have a trial that came to no end of its own run again, before any new one."""
    study.enqueue_trial(study.trials[number].params, user_attrs={_INSTEAD_OF: number})


def remaining(study: Study, trials: int) -> int:
    """How many of the sweep's trials are still to be run; failed ones count as run, those to be repeated do not."""
    all_trials = study.get_trials(deepcopy=False)
    replaced = superseded(all_trials)
    return max(0, trials - sum(1 for trial in all_trials if trial.state.is_finished() and trial.number not in replaced))


def superseded(trials: Sequence[FrozenTrial]) -> set[int]:
    """The numbers of those trials of a study that others of it are, or were, run for."""
    return {trial.user_attrs[_INSTEAD_OF] for trial in trials if _INSTEAD_OF in trial.user_attrs}


def enqueue(study: Study, points: Sequence[Mapping[str, Any]]) -> None:
    """Queue settings of a new study to be tried first."""
    for point in points:
        study.enqueue_trial(dict(point))


def searcher(study: Study, config: SweepConfig, space: Space, seed: int) -> Searcher:
    """The search algorithm for Ray Tune."""

    def suggest(trial: Any) -> dict[str, Any]:
        entry, method = space.suggest(trial)
        return {NUMBER: trial.number, ENTRY: entry.label, CONFIG: method.model_dump_json()}

    search = StudySearch(
        suggest,
        metric=list(config.objectives),
        mode=[goal(objective) for objective in config.objectives],
        sampler=_sampler(config.sampler, seed % _SEEDS),
        study_name=study.study_name,
        storage=storage_of(study),
    )
    return ConcurrencyLimiter(search, max_concurrent=config.concurrency, batch=config.in_batches)


def _sampler(sampler: Sampler, seed: int) -> Any:
    match sampler:
        case Sampler.TPE:
            with warnings.catch_warnings(category=optuna.exceptions.ExperimentalWarning, action="ignore"):
                return optuna.samplers.TPESampler(multivariate=True, group=True, constant_liar=True, seed=seed)
        case Sampler.NSGA2:
            return optuna.samplers.NSGAIISampler(seed=seed)
        case Sampler.RANDOM | Sampler.GRID:  # a grid's points are queued
            return optuna.samplers.RandomSampler(seed=seed)


DATABASE = "study.db"


class StudyFile:
    """An SQLite file in `folder`, which is the sweep's own or, of one in a bucket, a local one with a copy."""

    def __init__(self, kept: Location) -> None:
        self._kept = kept / DATABASE
        if isinstance(kept, Path):
            self.folder = kept
            return
        self.folder = Path(mkdtemp(prefix="raycal-study-"))
        if self._kept.is_file():
            (self.folder / DATABASE).write_bytes(self._kept.read_bytes())

    def keep(self) -> None:
        """Put the study as it is now into the bucket; in a folder it is there already, and elsewhere none of ours."""
        if isinstance(self._kept, Path) or not (self.folder / DATABASE).is_file():
            return
        with (
            atomic_file(self._kept) as aside,
            closing(connect(self.folder / DATABASE)) as study,
            closing(connect(aside)) as copy,
        ):
            study.backup(copy)
