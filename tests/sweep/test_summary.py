"""From trials to the report: what is put together, and the whole way from scores to the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from made_up_store import make_run, open_made_up, write_scores
from made_up_trials import make_sweep, run_trials

from raycal.events import ignore_event
from raycal.experiment.config import Experiment
from raycal.experiment.run import Run
from raycal.methods.base import Method
from raycal.questions.question import Split
from raycal.report.sweep_results import SearchedOption, SweepResults
from raycal.stages.evaluate import evaluate_run
from raycal.stages.pipeline import score_stage
from raycal.sweep.final import chosen_methods, finish_sweep
from raycal.sweep.results import said, sweep_results
from raycal.sweep.runner import Sweep
from raycal.sweep.space import Space
from raycal.sweep.trial import objective_values, on_split

ENTRIES: list[dict[str, Any]] = [
    {"method": "zero_shot"},
    {"method": "sampling", "k": {"low": 2, "high": 10}, "equivalence": ["exact", "token_overlap"]},
    {
        "method": "fine_tuned",
        "name": "tuned",
        "epochs": 1,
        "learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
        "target_modules": [["q_proj", "v_proj"], "all-linear"],
    },
    {"method": "recalibrated", "of": [{"method": "zero_shot"}, {"method": "sampling", "k": 5}], "by": ["platt"]},
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("summary"), 20)[1]


def found(method: Method) -> Mapping[str, Any] | None:
    """Better with more samples; a fine-tuning is stopped or fails by its learning rate."""
    rate = getattr(method, "learning_rate", 1e-4)
    if rate > 1e-3:
        raise ValueError("the loss is <b>not</b> finite")
    if rate < 5e-5:
        return None
    ece = 0.3 - 0.02 * getattr(method, "k", 0) + 0.001 * len(method.model_dump_json())
    return {"ece": ece, "auroc": 0.5 + ece / 2}


@pytest.fixture(scope="module")
def sweep(run: Run) -> Sweep:
    return make_sweep(run, ENTRIES)


@pytest.fixture(scope="module")
def results(sweep: Sweep) -> SweepResults:
    study = run_trials(sweep, 60, found)
    return sweep_results(sweep, study, chosen_methods(sweep, study))


def test_trials_are_all_there_with_their_settings_and_ends(results: SweepResults) -> None:
    assert [trial.number for trial in results.trials] == list(range(60))
    assert {trial.state for trial in results.trials} == {"finished", "stopped", "failed"}
    for trial in results.trials:
        if trial.entry == "tuned":
            rate = float(trial.settings["learning_rate"])
            assert trial.state == ("failed" if rate > 1e-3 else "stopped" if rate < 5e-5 else "finished")
            assert trial.settings["target_modules"] in {"q_proj + v_proj", "all-linear"}
        if trial.entry == "sampling":
            assert set(trial.settings) == {"k", "equivalence"}
            assert isinstance(trial.settings["k"], int)
        assert trial.error == ("ValueError: the loss is <b>not</b> finite" if trial.state == "failed" else None)
        assert set(trial.objectives) == ({"ece", "auroc"} if trial.state == "finished" else set())


def test_options_are_those_that_were_searched_in_words(results: SweepResults) -> None:
    assert {entry.label: entry.options for entry in results.entries} == {
        "zero_shot": (),
        "sampling": (
            SearchedOption("k", 2, 10),
            SearchedOption("equivalence", categories=("exact", "token overlap")),
        ),
        "tuned": (
            SearchedOption("learning_rate", 1e-5, 1e-2, log=True),
            SearchedOption("target_modules", categories=("q_proj + v_proj", "all-linear")),
        ),
        "recalibrated": (SearchedOption("of", categories=("zero shot", "sampling (k 5)")),),
    }


def test_settings_are_those_of_the_run_on_test(results: SweepResults, sweep: Sweep) -> None:
    entries = {entry.label: entry for entry in results.entries}
    assert entries["zero_shot"].default_method == entries["zero_shot"].best_method == "zero shot, default"
    sampling = entries["sampling"]
    assert sampling.default_settings == {"k": 10, "equivalence": "exact"}
    assert sampling.best is not None
    best = results.by_number[sampling.best]
    same = dict(best.settings) == dict(sampling.default_settings)
    assert sampling.best_method == ("sampling, default" if same else "sampling, best")
    assert all(best.objectives["ece"] <= trial.objectives["ece"] for trial in results.of_entry(sampling))
    assert entries["tuned"].default_settings == {"learning_rate": 1e-4, "target_modules": "q_proj + v_proj"}


def test_the_front_is_optunas_and_importances_are_of_each_objective(results: SweepResults) -> None:
    for number in results.front:
        its = results.by_number[number].objectives
        assert not any(
            other.objectives["ece"] < its["ece"] and other.objectives["auroc"] > its["auroc"]
            for other in results.finished
        )
    assert len(results.front) > 1
    assert set(results.importances) == {"ece", "auroc"}
    assert results.importances["ece"].shares


def test_an_entry_of_which_no_trial_finished_has_no_best(run: Run) -> None:
    entries = [{"method": "zero_shot"}, {**ENTRIES[2], "learning_rate": {"low": 1e-2, "high": 1e-1}}]
    sweep = make_sweep(run, entries)
    study = run_trials(sweep, 8, found)
    tuned = sweep_results(sweep, study, chosen_methods(sweep, study)).entries[1]
    assert (tuned.best, tuned.best_method, tuned.default_method) == (None, None, "tuned, default")


def test_entries_with_one_setting_in_common_share_its_method(run: Run) -> None:
    sweep = make_sweep(
        run, [{"method": "sampling", "k": [5, 10]}, {"method": "sampling", "name": "other", "k": [10, 9]}]
    )
    study = run_trials(sweep, 12, found)
    first, other = sweep_results(sweep, study, chosen_methods(sweep, study)).entries
    assert first.default_method == first.best_method == "sampling, default"
    assert other.default_method == other.best_method == "sampling, default"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unset"),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (0.123456, "0.123"),
        ("all-linear", "all-linear"),
        (("q_proj", "v_proj"), "q_proj + v_proj"),
        ((), "all"),
        (Path("results/adapters/one"), "results/adapters/one"),
    ],
)
def test_values_are_said_in_words(value: Any, text: str) -> None:
    assert said(value) == text


def test_values_that_are_methods_models_and_choices_too() -> None:
    space = Space.of(
        [
            {"method": "combined", "of": [[{"method": "zero_shot"}, {"method": "likelihood"}]]},
            {"method": "classifier", "model": {"path": "other"}, "head": "mlp"},
        ],
        Experiment(name="said"),
    )
    combined, classifier = (entry.default for entry in space.entries)
    assert said(getattr(combined, "of")) == "zero shot + likelihood"  # noqa: B009 - mypy knows no union's fields
    assert said(getattr(classifier, "model")) == "path other"  # noqa: B009
    assert said(getattr(classifier, "head")) == "mlp"  # noqa: B009


@pytest.mark.usefixtures("coarse_figures")
def test_the_whole_way_from_scores_to_the_page(tmp_path: Path) -> None:
    """No engine and no Ray: recalibration needs nothing but the scores that are there."""
    path, _ = make_run(tmp_path, 300)
    run = open_made_up(path, "evaluate.replicates=20")
    write_scores(run, lambda key: (int(key[:8], 16) % 97) / 100)
    sweep = make_sweep(
        run,
        [
            {"method": "zero_shot"},
            {"method": "recalibrated", "of": [{"method": "zero_shot"}], "by": ["temperature", "platt", "isotonic"]},
        ],
    )

    @cache
    def tried(method: Method) -> Mapping[str, Any]:
        its = on_split(run, [method], run.experiment.name, Split.CALIBRATION)
        score_stage(its, ignore_event)
        return objective_values(evaluate_run(its), sweep.config.objectives) | {"run": its.id}

    study = run_trials(sweep, 12, tried)
    last, _ = finish_sweep(sweep, study, ignore_event)
    (page,) = (run.store.root / "reports" / last.id).glob("*/index.html")
    html = page.read_text(encoding="utf-8")
    assert '<h2 id="sweep">Sweep</h2>' in html
    assert sweep.id in html
    assert re.search(r"<dt>Finished trials</dt><dd>12</dd>", html)
    assert sorted(path.name for path in page.parent.glob("sweep*")) == ["sweep_importances.png", "sweep_trials.png"]
    assert "default = best" in html  # of zero-shot there is one setting
    assert last.experiment.evaluate.split is Split.TEST
