"""Judges on models of their own: their verdicts decide, each is given once, and no other engine is up meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from background import Background
from made_up_store import make_run, open_made_up, question
from rich.console import Console
from simulated import write_model
from support import PROGRAM, Raycal, SharedFolder

from raycal.cli.events import EventPrinter
from raycal.config.engine import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.grading.judge import EquivalenceJudge, Judge
from raycal.grading.match import Match
from raycal.inference.tasks import BatchReport
from raycal.models.find import ModelError, find_model
from raycal.plan import Rates
from raycal.plan.build import plan_experiment
from raycal.stages.ask import ask
from raycal.stages.grade import answer_judge, grades_folder, grades_of, ungraded
from raycal.stages.judges import YesNoJudge, judge_name, pair_judge, verdicts_partition
from raycal.stages.pipeline import check_fitted, grade_stage
from raycal.store.schemas import SCHEMAS, Table
from raycal.testing import Fact, Service, SimulatedEngine, simulated_model
from raycal.testing.simulated_model import set_service

QUESTION = "Who wrote Emma?"
ANSWER = {"key": "k", "answer_key": "a", "question_id": "q", "grader": "g", "choices": [], "accepted": ["Jane Austen"]}
PAIR = {"key": "k", "question_id": "q", "one": "ann", "other": "bob"}


def verdict_on(row: dict[str, Any], task: YesNoJudge, folder: Path) -> dict[str, Any]:
    """The row that a judge of a simulated model writes."""
    model = find_model(ModelConfig(path=str(folder), backend="simulated"))
    engine = SimulatedEngine(model, EngineConfig(), Device.CPU, PromptStyle.AUTO)
    (written,) = asyncio.run(task.ask(engine, {"question": QUESTION} | row))[task.table]
    assert set(written) <= set(SCHEMAS[task.table].names)
    return written


def on_answers(judge: Judge | None = None) -> YesNoJudge:
    return answer_judge(judge or Judge(), "p")


def test_a_verdict_stands_with_the_reply_that_gave_it(tmp_path: Path) -> None:
    folder = simulated_model(tmp_path / "model", {})
    right, wrong = (verdict_on(ANSWER | {"answer": text}, on_answers(), folder) for text in ("jane austen", "Austen"))
    assert (right["correct"], right["reason"], right["extracted"]) == (True, "Yes", "jane austen")
    assert (wrong["correct"], wrong["reason"]) == (False, "No")
    pair = verdict_on(PAIR, pair_judge(EquivalenceJudge(), "p", "m", "name"), folder)
    assert (pair["verdict"], pair["text"], pair["model"], pair["prompt"]) == (False, "No", "m", "name")
    assert pair["prompt_tokens"] > 0


def test_a_reply_that_is_no_verdict_is_kept_without_one(tmp_path: Path) -> None:
    judge = Judge(prompt="{question}, {answers}, {answer}: how likely?")  # answered by a number
    row = verdict_on(ANSWER | {"answer": "Austen"}, on_answers(judge), simulated_model(tmp_path / "model", {}))
    assert row["correct"] is None
    assert "error" not in row
    assert float(row["reason"]) <= 1


def test_a_request_that_fails_is_a_row_with_its_reason(tmp_path: Path) -> None:
    folder = simulated_model(tmp_path / "model", {}, Service(refused=(QUESTION,)))
    row = verdict_on(ANSWER | {"answer": "Austen"}, on_answers(), folder)
    assert "refused" in row["error"]
    assert row.get("correct") is None
    assert row["key"] == "k"


def judge_here(run: Run, judge: Judge, folder: Path) -> int:
    """Judge what is ungraded as a stage would, in this process; returns how many rows were written."""
    task = answer_judge(judge, grades_folder(run, judge).name)
    todo = ungraded(run, judge).to_pylist()
    run.store.write(Table.GRADES, task.partition, [verdict_on(row, task, folder) for row in todo])
    return len(todo)


def test_what_a_judge_failed_to_judge_is_asked_again_and_nothing_else(tmp_path: Path) -> None:
    _, run = make_run(tmp_path, 20)
    refused = question(1)
    folder = simulated_model(tmp_path / "judge", {}, Service(refused=(refused,)))
    judge = Judge(model=ModelConfig(path=str(folder)))
    n = judge_here(run, judge, folder)
    assert n > 10
    assert len(grades_of(run, judge)) == n - 1
    assert [row["question"] for row in ungraded(run, judge).to_pylist()] == [refused]
    set_service(folder, Service())
    assert judge_here(run, judge, folder) == 1
    assert judge_here(run, judge, folder) == 0
    assert grades_of(run, judge) == grades_of(run, Match())


def test_the_grade_stage_counts_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = make_run(tmp_path, 20)
    reports = [BatchReport(questions=9, failed=2, prompt_tokens=1, generated_tokens=1)]
    monkeypatch.setattr("raycal.stages.pipeline.grade_by_judge", lambda *_: reports)
    console = Console(record=True, width=200)
    run = open_made_up(path, "grade.graders=[{grader: judge, name: strict}]")
    n = ungraded(run, run.experiment.grade.graders[0]).num_rows
    grade_stage(run, EventPrinter(console))
    assert f"{n - 2} answers by strict, 2 more failed, each with its reason in the store" in console.export_text()


JUDGED = "methods=[{method: sampling, equivalence: judge}, {method: semantic_entropy, k: 2, equivalence: judge}]"


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose samples of a question differ."""
    return simulated_model(tmp_path_factory.mktemp("doubtful") / "model", {QUESTION: Fact("Jane Austen", 0.5)})


@pytest.mark.parametrize(("verdict", "confidence"), [(True, 1.0), (False, None)])
def test_a_question_from_the_command_line_is_judged_by_the_other_model(
    doubtful: Path, tmp_path: Path, verdict: bool, confidence: float | None
) -> None:
    judge = simulated_model(tmp_path / "judge", {}, verdict=verdict)
    settings = [f"model={{path: {doubtful}, backend: simulated}}", "engine.device=cpu", JUDGED]
    themselves = ask(QUESTION, read_experiment(None, settings))
    other = ask(
        QUESTION, read_experiment(None, [*settings, f"equivalence_judge.model={{path: {judge}, backend: simulated}}"])
    )
    assert other.answer == themselves.answer
    own, judged = ({method.method: found.value for method, found in one.confidences} for one in (themselves, other))
    assert own["sampling"] is not None
    assert 0 < own["sampling"] < 1
    assert judged["sampling"] == (confidence or own["sampling"])  # its own judge says no of all that differs, too


def test_a_judge_that_is_not_there_is_known_before_anything_is_asked(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path, 20)
    for setting in (
        "grade.graders=[{grader: judge, model: {path: /no/where}}]",
        "equivalence_judge.model.path=/no/where",
    ):
        with pytest.raises(ModelError, match="/no/where"):
            check_fitted(open_made_up(path, JUDGED, setting))
        with pytest.raises(ModelError, match="/no/where"):
            plan_experiment(read_experiment(path, [JUDGED, setting]), Rates())
    with pytest.raises(ModelError, match="/no/where"):
        ask("Why?", read_experiment(None, [f"model.path={tmp_path / 'model'}", JUDGED, setting]))


def test_a_plan_has_a_line_for_each_judge_on_the_engines_of_each(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path, 40)
    folder = simulated_model(tmp_path / "other", {})
    engine = "{device: gpu, tensor_parallel: 4}"
    other = f"{{grader: judge, model: {{path: {folder}}}, engine: {engine}}}"
    graders = (
        f"grade.graders=[judge, {other}, {{grader: judge, name: curt, prompt: '{{question}}{{answers}}{{answer}}'}}]"
    )
    plan = plan_experiment(read_experiment(path, [graders, "engine.device=cpu", JUDGED]), Rates(engine=1000.0))
    lines = {line.stage: line for line in plan.lines}
    assert {"judge", "judge (other)", "curt", "equivalence"} <= lines.keys()
    judge, judge_of_other = lines["judge"], lines["judge (other)"]
    assert judge.requests == judge_of_other.requests > 0
    assert (judge.gpus, judge_of_other.gpus) == (0, 4)
    assert lines["curt"].prompt_tokens < judge.prompt_tokens
    assert (
        "engines of judge (other): 1 replica of 1 CPU and 4 GPU each, 4 GPU in all; all others have ended by then"
        in (plan.needs)
    )
    assert any(said.startswith("Prompts of other: ") for said in plan.assumptions)


def test_verdicts_of_another_judge_are_others(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path, 20)
    folder = simulated_model(tmp_path / "other", {})
    runs = [
        open_made_up(path, JUDGED, *settings)
        for settings in (
            [],
            [f"equivalence_judge.model.path={folder}"],
            ["equivalence_judge.prompt='{question}{left}{right}'"],
        )
    ]
    for names in (
        {judge_name(run) for run in runs},
        {verdicts_partition(run) for run in runs},
        {run.id for run in runs},
    ):
        assert len(names) == 3
    assert judge_name(runs[1]).endswith(str(find_model(ModelConfig(path=str(folder)))))


# Whole runs

METHODS = "[{method: zero_shot}, {method: sampling, equivalence: judge}]"


@pytest.fixture(scope="module")
def experiment(shared_folder: SharedFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated model that knows the world, judged by one that says no to everything.

    An engine of either takes the whole machine, but for what reads the questions: two cannot be up at once.
    """
    folder = tmp_path_factory.mktemp("judged")
    model = shared_folder("simulated", write_model)
    judge = simulated_model(folder / "judge", {}, Service(latency_s=1.0, own_process=True), verdict=False)
    path = folder / "judged.yaml"
    engine_cpus = max(1, (os.cpu_count() or 2) - 1)  # one is for reading questions
    path.write_text(f"""
name: judged
model: {{path: {model}, backend: simulated}}
questions: [{{source: worldfacts, limit: 60}}]
splits: [calibration, test]
elicit: {{max_tokens: 8, samples: {{k: 3}}}}
engine: {{batch_size: 4, batches_in_flight: 3, cpus_per_replica: {engine_cpus}}}
grade: {{graders: [{{grader: judge, model: {{path: {judge}, backend: simulated}}}}, match, judge]}}
equivalence_judge:
  model: {{path: {judge}, backend: simulated}}
  engine: {{batch_size: 2, batches_in_flight: 2, cpus_per_replica: {engine_cpus}}}
methods: {METHODS}
evaluate: {{replicates: 20}}
""")
    return path


@pytest.fixture(scope="module")
def store(experiment: Path, raycal: Raycal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a run that was killed while the judge graded, again while it compared, and then finished."""
    store = tmp_path_factory.mktemp("store") / "store"
    cut_off = {}
    for table in (Table.GRADES, Table.VERDICTS):
        with Background([PROGRAM, "run", str(experiment), "--set", f"storage={store}"]) as driver:
            driver.wait_until(partial(judged, store, table))
        cut_off[table] = judged(store, table)
    judge = experiment.parent / "judge"
    set_service(judge, Service())
    raycal("run", str(experiment), "--set", f"storage={store}")
    for table, count in cut_off.items():
        assert 0 < count < judged(store, table), f"it was not killed in the middle of {table}"
    return store


def judged(store: Path, table: Table) -> int:
    """How many shards a judge has written; the match grader's stand elsewhere."""
    return len([path for path in (store / table).glob("*/*.parquet") if not path.parent.name.startswith("match")])


@pytest.fixture(scope="module")
def run(experiment: Path, store: Path) -> Run:
    return Run.open(read_experiment(experiment, [f"storage={store}"]))


@pytest.mark.ray
def test_verdicts_decide_and_stand_under_names_of_their_own(run: Run) -> None:
    other, match, own = run.experiment.grade.graders
    grades = grades_of(run, other)
    assert len(grades) == run.asked.num_rows > 20
    assert set(grades.values()) == {False}
    assert set(grades_of(run, match).values()) == {True, False}
    assert grades_of(run, own) == grades_of(run, match)  # it says yes of what is the same
    for row in run.store.rows("SELECT * FROM metrics"):
        assert row["accuracy"] == 0
    judges = {row["grader"] for row in run.store.rows("SELECT DISTINCT grader FROM grades WHERE grader LIKE 'judge%'")}
    assert {name.rpartition("/")[2].partition("@")[0] for name in judges} == {"judge", Path(run.recipe.model.name).name}


@pytest.mark.ray
def test_what_the_judge_was_asked_before_it_was_killed_is_not_asked_again(run: Run) -> None:
    for table in (Table.GRADES, Table.VERDICTS):
        rows = [
            row["key"] for shard in run.store.shards(table) for row in pq.read_table(shard, columns=["key"]).to_pylist()
        ]
        assert rows
        assert set(Counter(rows).values()) == {1}, table
    assert all(ungraded(run, grader).num_rows == 0 for grader in run.experiment.grade.graders)


@pytest.mark.ray
def test_the_other_model_judges_equivalence(run: Run) -> None:
    rows = list(run.store.rows("SELECT model, verdict FROM verdicts"))
    assert rows
    assert {(row["model"].partition("@")[0], row["verdict"]) for row in rows} == {("judge", False)}
    assert list(run.store.rows("SELECT 1 FROM scores WHERE method = 'sampling' AND confidence IS NOT NULL"))


@pytest.mark.ray
def test_the_record_and_the_report_say_who_judged(run: Run) -> None:
    (recorded,) = run.store.rows("SELECT grading, agreement FROM runs")
    grading = json.loads(recorded["grading"])
    assert [row["self_judged"] for row in grading["graders"]] == [False, False, True]
    assert set(json.loads(recorded["agreement"])) == {"judge (judge) and match", "judge (judge) and judge"}
    (page,) = (run.store.root / "reports" / run.id).glob("*/index.html")
    text = page.read_text()
    assert "The answers were graded by the model judge@" in text
    assert "judge (judge) and judge (the model under test) agree on" in text
    assert "Which answers mean the same was judged by the model judge@" in text
