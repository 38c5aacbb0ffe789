"""The study behind a sweep: taken up again after a kill, told how trials end, and the same from one seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from pydantic import ValidationError
from ray import cloudpickle

from raycal.experiment.config import Experiment
from raycal.sweep.config import Sampler, SweepConfig
from raycal.sweep.options import SweepError
from raycal.sweep.space import Space
from raycal.sweep.study import CONFIG, ENTRY, FINISHED, NUMBER, enqueue, open_study, remaining, searcher

ENTRIES: tuple[dict[str, Any], ...] = (
    {"method": "zero_shot"},
    {"method": "sampling", "k": {"low": 2, "high": 10}, "equivalence": ["exact", "token_overlap"]},
)
SPACE = Space.of(ENTRIES, Experiment(name="study"))


def config(**changes: Any) -> SweepConfig:
    return SweepConfig(space=ENTRIES, **changes)


def result(config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    ece = len(config[CONFIG]) / 1000  # of the setting alone
    return {"ece": ece, "auroc": 1 - ece, FINISHED: True} | changes


def suggestions(folder: Path, count: int, **changes: Any) -> list[dict[str, Any]]:
    its = config(**changes)
    search = searcher(open_study(its, "some", folder, {}, resume=False), its, SPACE, seed=3)
    found: list[dict[str, Any]] = []
    while len(found) < count:
        batch = [f"{len(found)}-{number}" for number in range(its.concurrency)]
        for trial in batch:
            found.append(search.suggest(trial))
        for trial, suggested in zip(batch, found[-its.concurrency :], strict=True):
            search.on_trial_complete(trial, result(suggested))
    return found


@pytest.mark.parametrize("sampler", [Sampler.TPE, Sampler.NSGA2, Sampler.RANDOM])
def test_one_seed_gives_the_same_suggestions(tmp_path: Path, sampler: Sampler) -> None:
    count = 16  # of which the sampler draws the first ten at random
    one, other = (suggestions(tmp_path / name, count, sampler=sampler) for name in ("one", "other"))
    assert one == other
    assert [suggested[NUMBER] for suggested in one] == list(range(count))
    assert {suggested[ENTRY] for suggested in one} == {"zero_shot", "sampling"}


def test_how_a_trial_ended_is_told_to_optuna(tmp_path: Path) -> None:
    its = config(concurrency=1)
    study = open_study(its, "some", tmp_path, {}, resume=False)
    search = searcher(study, its, SPACE, seed=0)
    for trial, how in (("a", {}), ("b", {FINISHED: False}), ("c", None)):
        suggested = search.suggest(trial)
        search.on_trial_complete(trial, None if how is None else result(suggested, **how), error=how is None)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]


def test_what_ray_tune_pickles_has_no_address_of_the_database(tmp_path: Path) -> None:
    its = config(study=f"sqlite:///{tmp_path}/secret.db")
    search = searcher(open_study(its, "some", tmp_path, {}, resume=False), its, SPACE, seed=0)
    assert b"secret" not in cloudpickle.dumps(search)
    assert search.suggest("a") is not None


def row(state: str, **objectives: float) -> dict[str, Any]:
    return {"state": state, "objectives": objectives}


def test_a_study_is_taken_up_with_what_ended_kept_and_what_ran_queued(tmp_path: Path) -> None:
    study = open_study(config(), "some", tmp_path, {}, resume=False)
    enqueue(study, [{"method": "zero_shot"}, {"method": "sampling", "sampling.k": 7}])
    for number in range(4):
        trial = study.ask()
        SPACE.suggest(trial)
        if number in {0, 2}:
            study.tell(trial, [0.1, 0.9])
        if number == 3:
            study.tell(trial, state=TrialState.FAIL)
    with pytest.raises(SweepError, match=r"the sweep some has 4 trials already: go on with it by --resume"):
        open_study(config(), "some", tmp_path, {}, resume=False)
    finished = row("finished", ece=0.1, auroc=0.9)
    again = open_study(config(), "some", tmp_path, {0: finished, 2: finished, 3: row("failed")}, resume=True)
    assert remaining(again, 10) == 7  # the one that ran is still to be run, the failed one is not
    assert again.trials[1].state is TrialState.FAIL
    trial = again.ask()
    assert SPACE.suggest(trial)[1].model_dump()["k"] == 7
    again.tell(trial, [0.2, 0.8])
    assert remaining(again, 10) == 6


def test_a_trial_whose_driver_was_killed_before_its_row_was_written_is_run_again_once(tmp_path: Path) -> None:
    study = open_study(config(), "some", tmp_path, {}, resume=False)
    enqueue(study, [{"method": "sampling", "sampling.k": 7}])
    for how in ({"values": [0.1, 0.9]}, {"state": TrialState.PRUNED}, {"state": TrialState.FAIL}):
        trial = study.ask()
        SPACE.suggest(trial)
        study.tell(trial, **how)
    for _ in range(2):
        again = open_study(config(), "some", tmp_path, {}, resume=True)
        assert remaining(again, 10) == 10
        assert [trial.state for trial in again.trials[3:]] == [TrialState.WAITING] * 3
    trial = again.ask()
    assert SPACE.suggest(trial)[1].model_dump()["k"] == 7
    again.tell(trial, [0.1, 0.9])
    last = open_study(config(), "some", tmp_path, {3: row("finished", ece=0.1, auroc=0.9)}, resume=True)
    assert len(last.trials) == 6
    assert remaining(last, 10) == 9


def test_what_a_trial_had_come_to_is_told_where_its_driver_could_not(tmp_path: Path) -> None:
    study = open_study(config(), "some", tmp_path, {}, resume=False)
    for _ in range(4):
        SPACE.suggest(study.ask())
    ended = {
        0: row("finished", ece=0.1, auroc=0.9),
        1: row("stopped", ece=0.4),
        2: row("failed"),
    }
    again = open_study(config(), "some", tmp_path, ended, resume=True)
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.FAIL, TrialState.WAITING]
    assert [trial.state for trial in again.trials] == states
    assert again.trials[0].values == [0.1, 0.9]
    assert remaining(again, 10) == 7


def test_a_study_that_cannot_be_opened_is_a_sentence_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCAL_STUDY_PASSWORD", "secret")
    with pytest.raises(SweepError, match="is it an SQLAlchemy URL") as raised:
        open_study(config(study="nosuch://user@nowhere/db"), "some", tmp_path, {}, resume=False)
    assert "secret" not in str(raised.value)
    with pytest.raises(ValidationError, match="study has a password") as refused:
        config(study="nosuch://user:secret@nowhere/db")
    assert "secret" not in str(refused.value)


def test_a_studys_password_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def refuse(url: str) -> None:
        opened.append(url)
        raise ConnectionRefusedError

    monkeypatch.setattr("optuna.storages.RDBStorage", refuse)
    its = config(study="postgresql://me@host/studies")
    for password in ("", "se/cret@"):
        monkeypatch.setenv("RAYCAL_STUDY_PASSWORD", password)
        with pytest.raises(SweepError, match=r"sweep\.study cannot be opened"):
            open_study(its, "some", tmp_path, {}, resume=False)
    assert opened == ["postgresql://me@host/studies", "postgresql://me:se%2Fcret%40@host/studies"]
    assert "cret" not in its.model_dump_json()


def test_the_study_is_a_database_of_optunas_own(tmp_path: Path) -> None:
    study = open_study(config(), "some", tmp_path, {}, resume=False)
    assert optuna.get_all_study_names(f"sqlite:///{tmp_path / 'study.db'}") == ["some"]
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
