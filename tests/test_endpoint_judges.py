"""Judges behind an endpoint: of grades and of equivalence, on a real server on loopback that may fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import simulated
from endpoint_server import Behavior, endpoint_server
from made_up_store import make_run
from support import Raycal

from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.plan import Rates
from raycal.plan.build import plan_experiment
from raycal.stages.ask import ask
from raycal.stages.grade import grades_of, grading_record
from raycal.testing import Fact, Service, simulated_model

QUESTION = "Who wrote Emma?"
KEY = "RAYCAL_TEST_JUDGE_KEY"
GRADED, COMPARED = "Proposed answer: ", "Second answer: "  # in what a judge is asked
JUDGED = "methods=[{method: sampling, equivalence: judge}]"

EXPERIMENT = """
name: judged
model: {{path: {model}, backend: simulated}}
questions: [{{source: worldfacts, limit: 60}}]
splits: [calibration, test]
elicit: {{max_tokens: 8, samples: {{k: 3}}}}
engine: {{batch_size: 8}}
grade: {{graders: [{{grader: judge, model: {judge}, engine: {{request_retries: 1, batch_size: 4}}}}, match]}}
equivalence_judge: {{model: {judge}, engine: {{requests_in_flight: 4}}}}
methods: [{{method: sampling, equivalence: judge}}]
evaluate: {{replicates: 20}}
storage: {store}
"""


def served_at(url: str, key: str | None = None) -> str:
    """The section of a model behind an endpoint, as YAML."""
    endpoint = f"base_url: '{url}'" + (f", api_key_env: {key}" if key else "")
    return f"{{path: m, backend: openai, endpoint: {{{endpoint}}}}}"


@pytest.mark.ray
def test_a_run_whose_judges_are_behind_an_endpoint_asks_again_what_failed_and_nothing_else(
    raycal: Raycal, tmp_path: Path
) -> None:
    behavior = Behavior(
        faults={GRADED: [400, 400], COMPARED: [429, 503, "cut"]},
        replies={GRADED: "No, that is another.", COMPARED: "Yes."},
    )
    path, model = tmp_path / "judged.yaml", tmp_path / "model"
    simulated.write_model(model, Service())
    with endpoint_server(behavior) as url:
        path.write_text(EXPERIMENT.format(model=model, judge=served_at(url, KEY), store=tmp_path / "store"))
        first = raycal("run", path, env={KEY: "s3cret"})
        again = raycal("run", path, env={KEY: "s3cret"})
    assert "answers by judge (m), 2 more failed, each with its reason in the store" in first.stdout
    assert "grade: 2 answers by judge (m)\n" in again.stdout
    kinds = [GRADED if GRADED in text else COMPARED if COMPARED in text else text for text, _ in behavior.answered]
    assert set(kinds) == {GRADED, COMPARED}, "the endpoint is asked to judge alone"
    assert set(behavior.answered.values()) == {1}
    assert behavior.keys == {"Bearer s3cret"}

    run = Run.open(read_experiment(path))
    judge, match = run.experiment.grade.graders
    assert len(grades_of(run, judge)) == run.asked.num_rows == kinds.count(GRADED) > 20
    assert set(grades_of(run, judge).values()) == {False}
    assert True in grades_of(run, match).values()
    assert {row["model"] for row in run.store.rows("SELECT model FROM verdicts")} == {f"m@{url}"}
    confidences = {row["confidence"] for row in run.store.rows("SELECT confidence FROM scores")}
    assert confidences == {1.0}, "its judge says of all samples that they mean the same"
    records = list(run.store.rows("SELECT * FROM runs"))
    assert "s3cret" not in json.dumps(records, default=str)
    for record in records:
        grading = json.loads(record["grading"])
        assert grading["graders"][0] | {"grader": ""} == {
            "label": "judge (m)",
            "grader": "",
            "judge": f"m@{url}",
            "self_judged": False,
        }
        assert grading["equivalence"] == {"judge": f"m@{url}", "self_judged": False}


@pytest.mark.parametrize(("reply", "confidence"), [("Yes", 1.0), ("no.", None), ("Hard to say.", None)])
def test_a_question_from_the_command_line_is_judged_there_too(
    tmp_path: Path, reply: str, confidence: float | None
) -> None:
    model = simulated_model(tmp_path / "model", {QUESTION: Fact("Jane Austen", 0.5)})
    settings = [f"model={{path: {model}, backend: simulated}}", "engine.device=cpu", JUDGED]
    (_, alone), *_ = ask(QUESTION, read_experiment(None, settings)).confidences
    with endpoint_server(Behavior(replies={COMPARED: reply})) as url:
        judged_there = read_experiment(None, [*settings, f"equivalence_judge.model={served_at(url)}"])
        (_, judged), *_ = ask(QUESTION, judged_there).confidences
    assert alone.value is not None
    assert 0 < alone.value < 1
    if reply == "Hard to say.":
        assert judged.value is None
        assert judged.reason is not None
        assert "undecided" in judged.reason
    else:
        assert judged.value == (confidence or alone.value)  # the model itself says no of all that differs, too


def test_a_judge_behind_an_endpoint_needs_no_gpu_and_no_stage_of_it_does(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path, 40)
    judge = served_at("http://127.0.0.1:9/v1")
    on_gpus = "engine={device: gpu, tensor_parallel: 4}"
    graders = f"grade.graders=[judge, {{grader: judge, model: {judge}}}]"
    file = read_experiment(path, [on_gpus, graders, JUDGED, f"equivalence_judge.model={judge}"])
    plan = plan_experiment(file, Rates())
    gpus = {line.stage: line.gpus for line in plan.lines}
    assert gpus["answers"] == gpus["judge"] == 4
    assert gpus["judge (m)"] == gpus["equivalence"] == 0
    assert plan.needs == (
        "engines: 1 replica of 1 CPU and 4 GPU each, 4 GPU in all",
        "engines of judge (m): 1 replica of 1 CPU; all others have ended by then",
        "engines of equivalence: 1 replica of 1 CPU; all others have ended by then",
    )


def test_a_model_behind_an_endpoint_leaves_the_gpus_to_what_reads_its_answers(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path, 40)
    reader = f"{{path: {tmp_path / 'model'}}}"
    classifier = f"methods=[{{method: classifier, layer: 1, model: {reader}}}]"
    model = f"model={served_at('http://127.0.0.1:9/v1')}"
    grader = f"grade.graders=[{{grader: judge, model: {reader}}}]"
    plan = plan_experiment(read_experiment(path, [model, grader, "engine.device=gpu", classifier]), Rates())
    assert {line.stage: line.gpus for line in plan.lines} == {
        "answers": 0,
        "samples": 0,
        "judge (model)": 1,
        "features": 1,
    }
    assert plan.needs == (
        "engines: 1 replica of 1 CPU",
        "engines of judge (model): 1 replica of 1 CPU and 1 GPU each, 1 GPU in all; all others have ended by then",
        "engines of features: 1 replica of 1 CPU and 1 GPU each, 1 GPU in all; all others have ended by then",
    )


@pytest.mark.parametrize("key", [None, KEY])
def test_the_same_endpoint_judges_itself_however_it_is_asked(tmp_path: Path, key: str | None) -> None:
    path, _ = make_run(tmp_path, 20)
    here, there = "http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"
    judges = {"same": here, "other": there}
    graders = ", ".join(f"{{grader: judge, name: {name}, model: {served_at(judges[name], key)}}}" for name in judges)
    settings = [f"model={served_at(here)}", f"grade.graders=[{graders}]", "methods=[{method: likelihood}]"]
    record = grading_record(Run.open(read_experiment(path, settings)))
    assert [row["self_judged"] for row in record["graders"]] == [True, False]
