"""Sweeps without an end, and settings that fail late: all are refused before anything is asked of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_store import make_experiment
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.experiment.config import Experiment
from raycal.experiment.run import Run
from raycal.metrics.binning import Binning
from raycal.metrics.bootstrap import Bootstrap
from raycal.plan import Rates
from raycal.plan.build import plan_experiment, plan_sweep
from raycal.questions.rows import QuestionSourceError
from raycal.stages.pipeline import check_fitted
from raycal.store.keys import safe_name
from raycal.store.schemas import Table
from raycal.sweep.config import SweepExperiment
from raycal.sweep.options import SweepError
from raycal.sweep.runner import Sweep

GRID = {"sampler": "grid"}


def tuned(**options: Any) -> dict[str, Any]:
    return {"method": "fine_tuned", **options}


def sampled(k: Any, **options: Any) -> dict[str, Any]:
    return {"method": "sampling", "k": k, **options}


def tried(k: Any) -> dict[str, Any]:
    return {"points_to_evaluate": [sampled(k)]}


def between(low: Any, high: Any, **options: Any) -> dict[str, Any]:
    return {"low": low, "high": high, **options}


LAYERS = {"method": "classifier", "layer": between(0, 10**6)}
LISTED = {"method": "classifier", "layer": list(range(2000))}
# (id, an entry of the space, further settings of the sweep, what is said)
SWEEPS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("a grid of 10^12", tuned(rank=between(1, 10**12)), GRID, "1,000,000,000,000 settings in the grid"),
    ("a grid of ranges", tuned(rank=between(1, 999), epochs=between(1, 999)), GRID, "998,001 settings in the grid"),
    ("10^6 layers", LAYERS, {}, "1,000,001 settings to elicit for"),
    ("a list without an end", LISTED, {}, "lists 2,000 values"),
    ("a step of 0", sampled(between(1, 9, step=0)), {}, "0.k: a step is a number above 0"),
    ("a step below 0", sampled(between(1, 9, step=-2)), {}, "a step is a number above 0"),
    ("no step", tuned(learning_rate=between(0.1, 1.0, step=float("nan"))), {}, "a step is a number"),
    ("a step too small", tuned(learning_rate=between(0.1, 1.0, step=1e-300)), {}, "the step too small"),
    ("an infinite end", tuned(learning_rate=between(0.1, float("inf"))), {}, "low and high are numbers"),
    ("ends too far apart", tuned(alpha=between(-1e308, 1e308)), {}, "too wide"),
    ("an end that no database keeps", tuned(rank=between(1, 10**30)), {}, "none beyond"),
    ("true as an end", sampled(between(1, True)), {}, "low and high are numbers"),
    ("a number for log", sampled(between(1, 9, log=1)), {}, "log is true or false"),
    ("true among numbers", sampled([2, True]), {}, "0.k: True: write a number"),
    ("a name that is none", sampled(2, name=5), {}, "0.name: write a text"),
    ("a fraction tried first", sampled(between(2, 9)), tried(2.5), "points_to_evaluate.0.k: 2.5: "),
    ("true tried first", sampled([1, 2]), tried(True), "points_to_evaluate.0.k: True is not among"),
]
ALIKE = [{"method": "zero_shot", "name": "a_b"}, {"method": "likelihood", "name": "a b"}]
# (id, options of the experiment, what is said)
SETTINGS: list[tuple[str, dict[str, Any], str]] = [
    ("a seed that no classifier takes", {"seed": 2**32, "methods": [{"method": "classifier"}]}, "below 4,294,967,296"),
    ("one inside of another", {"seed": 2**40, "methods": [{"method": "combined", "of": [{"method": "classifier"},
     {"method": "likelihood"}]}]}, "below 4,294,967,296"),
    ("a seed that torch does not take", {"methods": [{"method": "fine_tuned", "seed": 2**64}]}, "methods.0.seed"),
    ("bins", {"evaluate": {"bins": 10**7}}, "evaluate.bins"),
    ("replicates", {"evaluate": {"replicates": 10**9}}, "evaluate.replicates"),
    ("labels that look alike", {"methods": ALIKE}, "a_b and a b, which look alike"),
    ("a name that no file has", {"name": "x" * 300}, "name"),
    ("a classifier of a billion units", {"methods": [{"method": "classifier", "width": 10**9}]}, "methods.0.width"),
]  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_experiment(tmp_path_factory.mktemp("limits"), 24)


def experiment(file: Path, **options: Any) -> dict[str, Any]:
    source = {"source": "file", "path": str(file.parent / "questions.jsonl")}
    where = {"storage": str(file.parent / "store"), "model": {"path": str(file.parent / "model")}}
    return {"name": "x", "questions": [source], **where, **options}


@pytest.mark.parametrize(("entry", "more", "message"), [row[1:] for row in SWEEPS], ids=[row[0] for row in SWEEPS])
def test_a_sweep_without_an_end_is_refused_by_its_plan(
    file: Path, entry: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    with pytest.raises((SweepError, ValueError), match=message):
        plan_sweep(SweepExperiment.model_validate(experiment(file, sweep={"space": [entry], **more})), Rates())


def test_a_sweep_that_can_be_run_is_planned(file: Path) -> None:
    space = [{"method": "classifier", "layer": {"low": -30, "high": -1}, "few_shot": [True, False]}]
    options = {"sweep": {"space": space, **GRID}, "seed": 2**32 - 1}
    assert plan_sweep(SweepExperiment.model_validate(experiment(file, **options)), Rates()).lines


@pytest.mark.parametrize(("options", "message"), [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS])
def test_what_would_fail_late_is_refused_when_the_file_is_read(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Experiment.model_validate({"name": "x", **options})


def test_a_large_seed_is_none_of_methods_without_chance() -> None:
    assert Experiment(name="x", seed=2**40).seed == 2**40


@pytest.mark.parametrize("settings", [{"replicates": 10**9}, {"bins": 10**7}])
def test_intervals_beyond_the_memory_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at most"):
        Bootstrap(**settings).intervals(np.array([0.5]), np.array([True]))


def test_replicates_of_the_command_are_refused_before_they_take_memory(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("confidence,correct\n0.5,1\n0.25,0\n")
    ended = CliRunner().invoke(app, ["metrics", str(tmp_path / "scores.csv"), "--replicates", str(10**9)])
    assert ended.exit_code == 1
    assert "1,000,000 replicates at most" in ended.output


def test_many_bins_take_no_more_memory_than_many_rows() -> None:
    p = np.linspace(0, 1, 7)
    few, many = (Bootstrap(200, bins=bins).intervals(p, p > 0.5)["ece"] for bins in (10, 100_000))
    assert few is not None
    assert many is not None
    assert Binning(bins=100_000).bins == 100_000


def test_a_dataset_of_a_long_name_has_a_folder() -> None:
    long, other = "x" * 300, "x" * 299 + "y"
    assert len(safe_name(long)) <= 200
    assert safe_name(long) != safe_name(other)
    assert safe_name("x" * 200) == "x" * 200


@pytest.mark.parametrize(
    "source", [{"source": "hub", "name": "nosuch"}, {"source": "file", "path": "nosuch.csv"}], ids=["hub", "file"]
)
def test_no_question_is_written_where_one_source_cannot_be_read(file: Path, tmp_path: Path, source: Any) -> None:
    options = experiment(file)
    options["questions"].append(source)
    with pytest.raises(QuestionSourceError, match="nosuch"):
        Run.open(Experiment.model_validate(options | {"storage": str(tmp_path)}))
    assert not list(tmp_path.iterdir())


def test_a_model_of_embeddings_that_there_is_not_is_refused_before_questions_are_asked(file: Path) -> None:
    embedded = {"embedding_model": "nosuch", "methods": [{"method": "sampling", "equivalence": "embedding"}]}
    given = Experiment.model_validate(experiment(file, **embedded))
    with pytest.raises(ValueError, match="there is no embedding model 'nosuch'"):
        check_fitted(Run.open(given))
    with pytest.raises(ValueError, match="there is no embedding model 'nosuch'"):
        plan_experiment(given, Rates())


@pytest.mark.parametrize("command", [["run"], ["run", "--plan"], ["elicit", "--plan"], ["evaluate"]])
def test_a_refusal_on_the_command_line_names_the_experiments_file(file: Path, command: list[str]) -> None:
    name, *options = command
    source = "questions=[{source: hub, name: nosuch}]"
    ended = CliRunner().invoke(app, [name, str(file), *options, "--set", source])
    assert ended.exit_code == 1
    assert f"{file}: there is no mapping for the dataset 'nosuch'" in ended.output


@pytest.mark.parametrize(
    ("layer", "is_there"), [(3, True), (-4, True), (0, True), (4, False), (-5, False), (10**6, False)]
)
def test_a_layer_that_the_model_has_not_is_refused_before_anything_is_asked(
    file: Path, tmp_path: Path, layer: int, is_there: bool
) -> None:
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 3}')
    methods = [{"method": "classifier", "layer": layer}]
    given = Experiment.model_validate(experiment(file, methods=methods) | {"model": {"path": str(tmp_path)}})
    if is_there:
        check_fitted(Run.open(given))
        return
    with pytest.raises(ValueError, match=f"has layers 0 to 3, and no layer {layer}"):
        check_fitted(Run.open(given))


@pytest.mark.parametrize("storage", ["questions.jsonl", "questions.jsonl/store"])
def test_a_storage_that_can_hold_nothing_is_refused_by_the_plan_as_by_the_run(file: Path, storage: str) -> None:
    given = Experiment.model_validate(experiment(file) | {"storage": str(file.parent / storage)})
    for refuse in (lambda: Run.open(given), lambda: plan_experiment(given, Rates())):
        with pytest.raises(OSError, match=storage):
            refuse()


def test_a_sweep_that_has_trials_is_planned_with_resume_alone(file: Path) -> None:
    given = SweepExperiment.model_validate(experiment(file, sweep={"space": [sampled(between(2, 9))]}))
    sweep = Sweep.open(given)
    trial = {"key": "0", "sweep": sweep.id, "number": 0, "state": "finished", "objectives": "{}"}
    sweep.run.store.write(Table.TRIALS, sweep.id, [trial])
    with pytest.raises(SweepError, match=r"has 1 trials already: go on with it by --resume"):
        plan_sweep(given, Rates(), resume=False)
    assert plan_sweep(given, Rates(), resume=True).lines
