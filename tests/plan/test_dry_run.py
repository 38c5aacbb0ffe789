"""Plans of made-up runs: what is there counts, what is left is priced, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_up_store import FAILING, UNASKED, make_experiment, make_run
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.methods.fine_tuned import FineTuned
from raycal.plan import Plan, PlanLine, Rates
from raycal.plan.build import plan_experiment, plan_sweep
from raycal.stages.finetune import NothingToLearnError, adapter_folder
from raycal.store.schemas import Table
from raycal.sweep.config import read_sweep
from raycal.sweep.runner import Sweep

N = 48
ANSWERS_THERE = sum(index % UNASKED != 0 for index in range(N))
FAILED = sum(index % UNASKED != 0 and index % FAILING == 0 for index in range(N))
TUNED = "methods=[{method: zero_shot}, {method: fine_tuned, batch_size: 8, epochs: 2}]"


def plan_of(path: Path, *overrides: str, rates: Rates | None = None, **options: bool) -> Plan:
    return plan_experiment(read_experiment(path, overrides), rates or Rates(), **options)


def line(plan: Plan, stage: str) -> PlanLine:
    (found,) = (one for one in plan.lines if one.stage == stage)
    return found


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment on a store that is not there yet."""
    return make_experiment(tmp_path_factory.mktemp("empty"), N)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    return make_run(tmp_path_factory.mktemp("made"), N)


def test_an_empty_store_leaves_everything_to_ask(empty: Path) -> None:
    plan = plan_of(empty)
    run = Run.open(read_experiment(empty, [f"storage={empty.parent / 'aside'}"]))
    sampled = sum(split in run.experiment.elicit.sampled for split in run.asked["split"].to_pylist())
    assert (line(plan, "answers").rows, line(plan, "answers").there) == (N, 0)
    samples = line(plan, "samples")
    assert (samples.questions, samples.rows, samples.requests) == (sampled, 10 * sampled, sampled)
    assert samples.generated_tokens == samples.rows * run.experiment.elicit.max_tokens
    assert samples.is_bound
    assert line(plan, "correctness").generated_tokens == sampled


def test_a_plan_writes_nothing(empty: Path) -> None:
    before = files_in(empty.parent)
    plan_of(empty)
    assert files_in(empty.parent) == before


def test_what_the_store_has_is_not_planned_again(made: tuple[Path, Run]) -> None:
    answers = line(plan_of(made[0]), "answers")
    assert (answers.there, answers.requests) == (ANSWERS_THERE, N - ANSWERS_THERE)


def test_failed_answers_are_planned_again_only_where_they_are_to_be_retried(made: tuple[Path, Run]) -> None:
    path, _ = made
    answers = line(plan_of(path, retry_errors=True), "answers")
    assert answers.there == ANSWERS_THERE - FAILED
    judged = ("grade.graders=[match, judge]",)
    assert line(plan_of(path, *judged), "judge").questions == N - FAILED
    assert line(plan_of(path, *judged, retry_errors=True), "judge").questions == N


def test_elicitation_alone_is_planned_without_the_later_stages(empty: Path) -> None:
    stages = [one.stage for one in plan_of(empty, TUNED, "grade.graders=[judge]", elicit_only=True).lines]
    assert stages == ["answers", "samples", "correctness"]


def test_prompts_of_a_model_that_is_not_here_are_measured_by_their_characters(empty: Path) -> None:
    plan = plan_of(empty, "model.path=nobody/nothing")
    answers = line(plan, "answers")
    prompt = "Answer with a short phrase and nothing else." + "Question: What comes after 55?"
    assert answers.prompt_tokens == pytest.approx(answers.requests * len(prompt) / 4, rel=0.02)
    assert any("nobody/nothing: its tokeniser is not on this machine" in said for said in plan.assumptions)


def test_examples_in_front_of_a_question_are_part_of_its_prompt(empty: Path) -> None:
    assert line(plan_of(empty, "elicit.few_shot=4"), "answers").prompt_tokens > 2 * N * 74 / 4


def test_hours_are_at_the_rate_that_the_user_states(empty: Path) -> None:
    gpus = ("engine.device=gpu", "engine.tensor_parallel=4")
    plan = plan_of(empty, *gpus, rates=Rates(engine=2000.0))
    answers = line(plan, "answers")
    assert answers.hours == answers.tokens / 2000 / 3600
    assert answers.gpu_hours == pytest.approx(4 * answers.hours)
    assert any("2,000 tokens a second and engine: your assumption" in said for said in plan.assumptions)
    assert any("4 GPU in all" in said for said in plan.needs)
    assert line(plan_of(empty, *gpus), "answers").hours is None


def test_without_a_stated_rate_the_stores_rows_tell_how_fast_and_how_long(empty: Path, tmp_path: Path) -> None:
    store = f"storage={tmp_path}"
    run = Run.open(read_experiment(empty, [store]))
    cost = {"prompt_tokens": 30, "generated_tokens": 10, "engine_seconds": 0.5}
    rows = [
        {"key": key, "text": "x", "error": error, **spent}
        for key, error, spent in zip(
            run.asked["answer_key"].to_pylist()[:3],
            (None, None, "too long"),
            (cost, cost, {"prompt_tokens": 0, "generated_tokens": 0, "engine_seconds": 0.0}),
            strict=True,
        )
    ]
    run.store.write(Table.ANSWERS, run.recipe.partitions[Table.ANSWERS], rows)
    plan = plan_of(empty, store)
    answers = line(plan, "answers")
    assert answers.rate is not None
    assert (answers.rate.tokens_a_second, answers.rate.stated) == (80, False)
    assert (answers.generated_tokens, answers.is_bound) == (10 * (N - 3), False)
    assert any("store's own rows, for hours: answers 80" in said for said in plan.assumptions)
    stated = line(plan_of(empty, store, rates=Rates(engine=100)), "answers").rate
    assert stated is not None
    assert stated.stated


def test_a_training_is_planned_to_its_last_epoch_and_its_model_asked_about_test(empty: Path) -> None:
    plan = plan_of(empty, TUNED, rates=Rates(engine=1, worker=100))
    run = Run.open(read_experiment(empty, [f"storage={empty.parent / 'aside'}"]))
    splits = run.asked["split"].to_pylist()
    training = line(plan, "train fine_tuned (batch_size 8)")
    assert training.questions == splits.count("train") + splits.count("calibration")
    assert training.rows == training.requests == 2 * -(-splits.count("train") // 8)
    assert training.hours == training.tokens / 100 / 3600
    assert line(plan, "ask fine_tuned (batch_size 8)").requests == splits.count("test")
    assert any(said.startswith("fine-tuning: 1 worker of 1 CPU") for said in plan.needs)


def test_a_training_that_ended_or_was_killed_is_planned_from_there(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path, N)
    run = Run.open(read_experiment(path, [TUNED]))
    (method,) = (one for one in run.experiment.methods if isinstance(one, FineTuned))
    stage = f"train {method.label}"
    whole = line(plan_of(path, TUNED), stage)
    folder = adapter_folder(run, method)
    run.store.write(Table.TRAINING, folder.name, [{"key": str(n), "step": n} for n in range(whole.rows // 2 + 1)])
    half = line(plan_of(path, TUNED), stage)
    assert half.there == whole.rows // 2
    assert half.tokens == pytest.approx(whole.tokens * half.requests / half.rows, abs=1)
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").touch()
    (folder / "adapter_model.safetensors").touch()
    ended = line(plan_of(path, TUNED), stage)
    assert (ended.requests, ended.tokens, ended.hours) == (0, 0, 0)


def test_a_training_without_questions_to_learn_from_is_refused(empty: Path) -> None:
    with pytest.raises(NothingToLearnError, match="needs graded answers of the train split, and there are 0"):
        plan_of(empty, TUNED, "splits=[calibration, test]")


def test_hidden_states_are_read_once_for_all_layers(empty: Path) -> None:
    methods = "methods=[{method: classifier, layer: 3}, {method: classifier, layer: 5}]"
    features = line(plan_of(empty, methods), "features")
    assert (features.rows, features.requests, features.generated_tokens) == (N, N, 0)


def test_a_judge_of_equivalence_is_planned_for_the_most_pairs(empty: Path) -> None:
    sampling = "{method: sampling, equivalence: judge}, {method: sampling, equivalence: judge, weighting: likelihood}"
    methods = f"methods=[{sampling}, {{method: semantic_entropy, k: 3, equivalence: judge}}]"
    judged = line(plan_of(empty, methods), "equivalence")  # both kinds of sampling compare the same pairs
    assert judged.requests == judged.rows == judged.questions * (10 + 3)
    assert judged.generated_tokens == judged.requests * 10


SPACE: dict[str, Any] = {
    "trials": 12,
    "space": [
        {"method": "zero_shot"},
        {"method": "fine_tuned", "batch_size": 8, "epochs": [1, 3], "training_questions": [20, None]},
    ],
}


def sweep_file(empty: Path, tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "sweep.yaml"
    experiment = {
        "name": "made-up",
        "storage": str(tmp_path / "store"),
        "model": {"path": "nobody/nothing"},
        "questions": [{"source": "file", "path": str(empty.parent / "questions.jsonl")}],
        "sweep": SPACE | changes,
    }
    path.write_text(json.dumps(experiment))
    return path


def test_a_sweep_is_planned_as_if_every_trial_were_the_longest_training(empty: Path, tmp_path: Path) -> None:
    path = sweep_file(empty, tmp_path)
    plan = plan_sweep(read_sweep(path), Rates())
    trials, default = line(plan, "train, 12 trials at most"), line(plan, "train fine_tuned, default")
    train = Run.open(read_experiment(empty, [f"storage={empty.parent / 'aside'}"])).asked["split"].to_pylist()
    assert trials.rows == 12 * 3 * -(-train.count("train") // 8)
    assert trials.tokens > 12 * default.tokens
    assert line(plan, "answers").requests == N
    assert any("2 trainings at a time" in said for said in plan.needs)
    assert not (tmp_path / "store").exists()


def test_trials_that_ended_are_not_planned_again(empty: Path, tmp_path: Path) -> None:
    path = sweep_file(empty, tmp_path)
    whole = line(plan_sweep(read_sweep(path), Rates()), "train, 12 trials at most")
    sweep = Sweep.open(read_sweep(path))
    ended = {"sweep": sweep.id, "state": "finished", "objectives": "{}"}
    entries = enumerate(("fine_tuned", "zero_shot", "fine_tuned"))
    sweep.run.store.write(
        Table.TRIALS, sweep.id, [ended | {"key": str(n), "number": n, "entry": entry} for n, entry in entries]
    )
    left = line(plan_sweep(read_sweep(path), Rates()), "train, 11 trials at most")  # one was no training
    assert left.there == whole.rows * 2 // 12
    assert left.tokens == whole.tokens * 9 // 12


def test_of_a_grid_only_the_trials_that_train_are_planned_as_trainings(empty: Path, tmp_path: Path) -> None:
    path = sweep_file(empty, tmp_path, sampler="grid")
    assert line(plan_sweep(read_sweep(path), Rates()), "train, 4 trials at most").rows


def test_a_sweep_without_a_training_has_no_such_line(empty: Path, tmp_path: Path) -> None:
    path = sweep_file(empty, tmp_path, space=[{"method": "zero_shot"}])
    plan = plan_sweep(read_sweep(path), Rates())
    assert [one.stage for one in plan.lines] == ["answers", "samples", "correctness"]
    assert len(plan.needs) == 1


def command(*arguments: str) -> Any:
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, arguments)


def test_the_command_prints_a_table_or_json(empty: Path, tmp_path: Path) -> None:
    shown = command("run", str(empty), "--plan", "--rate", "1000")
    assert shown.exit_code == 0, shown.stderr
    assert "nothing is started" in shown.stdout
    found = json.loads(command("elicit", str(empty), "--plan", "--json").stdout)
    assert [one["stage"] for one in found["lines"]] == ["answers", "samples", "correctness"]
    swept = command("sweep", str(sweep_file(empty, tmp_path)), "--plan", "--training-rate", "10", "--json")
    assert json.loads(swept.stdout)["total"]["hours"] > 0


@pytest.mark.parametrize("option", [("--rate", "10"), ("--json",)])
def test_rates_are_nothing_without_a_plan(empty: Path, option: tuple[str, ...]) -> None:
    done = command("run", str(empty), *option)
    assert done.exit_code == 1
    assert "go with --plan" in done.stderr


def test_a_dataset_that_cannot_be_loaded_is_one_sentence(empty: Path) -> None:
    done = command("run", str(empty), "--plan", "--set", "questions=[{source: file, path: nope.jsonl}]")
    assert done.exit_code == 1
    assert "nope.jsonl" in done.stderr
    assert done.stdout == ""
