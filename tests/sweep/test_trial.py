"""What a trial reports, and what it may look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycal.experiment.config import Experiment
from raycal.experiment.run import Run
from raycal.methods.recalibrated import Recalibrated
from raycal.methods.sampling import Sampling
from raycal.methods.zero_shot import ZeroShot
from raycal.questions.question import Split
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.sweep.study import CONFIG
from raycal.sweep.trial import UndefinedObjectiveError, objective_values, on_split, trains


def test_a_trial_has_no_question_of_the_test_split(tmp_path: Path) -> None:
    questions = (WorldFacts(limit=60),)
    run = Run.open(Experiment(name="some", questions=questions, storage=tmp_path, methods=(Sampling(),)))
    assert Split.TEST in run.asked["split"].to_pylist()
    its = on_split(run, [ZeroShot()], "other", Split.CALIBRATION)
    assert set(its.asked["split"].to_pylist()) == {Split.TRAIN, Split.CALIBRATION}
    assert its.experiment.evaluate.split is Split.CALIBRATION
    assert its.recipe == run.recipe  # and so the same answers


def test_an_objective_is_a_mean_over_datasets() -> None:
    rows = [{"ece": 0.1, "auroc": 0.8}, {"ece": 0.3, "auroc": 0.6}]
    assert objective_values(rows, ("ece", "auroc")) == pytest.approx({"ece": 0.2, "auroc": 0.7})


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"ece": 0.1, "auroc": None, "undefined": "{'auroc': 'one class'}"}], "auroc is not defined .*one class"),
        ([], "ece is not defined on the calibration split: no answers"),
    ],
)
def test_an_objective_without_a_value_fails_the_trial_with_the_reason(rows: list[dict[str, object]], said: str) -> None:
    with pytest.raises(UndefinedObjectiveError, match=said):
        objective_values(rows, ("ece", "auroc"))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ('{"method": "sampling"}', False),
        ('{"method": "fine_tuned"}', True),
        ('{"method": "fine_tuned", "adapter": "there"}', False),
        ('{"method": "recalibrated", "of": {"method": "fine_tuned"}}', True),
    ],
)
def test_which_trials_start_workers(method: str, expected: bool) -> None:
    assert trains({CONFIG: method}) is expected


def test_a_recalibrated_method_is_not_mistaken_for_its_base() -> None:
    assert not trains({CONFIG: Recalibrated(of=ZeroShot()).model_dump_json()})
