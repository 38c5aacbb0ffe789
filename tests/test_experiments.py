"""Every experiment under jobs/ is read as a user's is, and planned on a handful of local questions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from raycal.experiment.config import Experiment
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.methods.classifier import ClassifierHead
from raycal.plan import Plan, Rates
from raycal.plan.build import plan_experiment, plan_sweep
from raycal.questions.sources.hub import HubDataset
from raycal.questions.sources.hub_mappings import MAPPINGS
from raycal.sweep.config import SweepExperiment, read_sweep

JOBS = Path(__file__).parents[1] / "jobs"
FILES = sorted(JOBS.rglob("*.yaml"))
PAPER = [path for path in FILES if path.parent.name == "paper"]
QUESTIONS = 80
GPUS = 8


def read(path: Path, *overrides: str) -> Experiment:
    """A sweep where it is one."""
    is_sweep = "sweep" in yaml.safe_load(path.read_text())
    return (read_sweep if is_sweep else read_experiment)(path, overrides)


def name_of(path: Path) -> str:
    return str(path.relative_to(JOBS))


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that all nodes see."""
    monkeypatch.setenv("RAYCAL_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    """A folder that passes for an adapter and for a classifier."""
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 1, "target_modules": ["q_proj"]})
    )
    matrices = {"lora_A": np.ones((1, 2), np.float32), "lora_B": np.ones((2, 1), np.float32)}
    module = "base_model.model.model.layers.0.self_attn.q_proj"
    save_file(
        {f"{module}.{name}.weight": matrix for name, matrix in matrices.items()}, tmp_path / "adapter_model.safetensors"
    )
    ones = np.ones(2)
    ClassifierHead(ones, ones, ((np.ones((2, 1)), ones[:1]),)).save(tmp_path / "classifier.safetensors")
    return tmp_path


def local_questions(experiment: Experiment, folder: Path) -> str:
    """The override that asks open questions of a file in place of each of the hub's datasets."""
    sources = []
    for number, source in enumerate(experiment.questions):
        if isinstance(source, HubDataset):
            assert source.name in MAPPINGS
            path = folder / f"{number}.jsonl"
            rows = ({"question": f"What is {n} of {source.name}?", "answer": f"{n}"} for n in range(QUESTIONS))
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            sources.append({"source": "file", "path": str(path), "dataset": source.name})
        else:
            sources.append(source.model_dump(mode="json", exclude={"limit"}) | {"limit": QUESTIONS})
    return f"questions={json.dumps(sources)}"


def plan_of(path: Path, folder: Path, *overrides: str) -> Plan:
    local = local_questions(read(path), folder)
    experiment = read(path, local, f"storage={folder / 'store'}", "elicit.few_shot=0", *overrides)
    if isinstance(experiment, SweepExperiment):
        return plan_sweep(experiment, Rates(engine=1000, worker=1000))
    return plan_experiment(experiment, Rates(engine=1000, worker=1000))


def test_there_is_an_experiment_for_each_of_the_papers_runs() -> None:
    assert {path.stem for path in PAPER} == {
        "mmlu_7b",
        "mmlu_70b",
        "trivia_qa_7b",
        "trivia_qa_70b",
        "finetune_zero2",
        "finetune_zero3",
        "sweep",
    }


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_job_can_be_planned_without_gpu_network_or_model(path: Path, tmp_path: Path, fitted: Path) -> None:
    model = ["model.path=nobody/nothing"]
    if path.stem == "transfer":
        model += [f"methods.0.adapter={fitted}", f"methods.1.fitted={fitted}"]
    plan = plan_of(path, tmp_path, *model)
    assert plan.requests > 0
    assert plan.without_rate == ()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("path", PAPER, ids=name_of)
def test_the_papers_jobs_share_a_store_and_use_all_of_eight_gpus(path: Path, store: Path) -> None:
    experiment = read(path)
    engine, trainer = experiment.engine, experiment.trainer
    assert experiment.storage == store
    assert engine.device == "gpu"
    assert engine.replicas * engine.tensor_parallel == GPUS
    if "finetune" in path.stem:
        assert (trainer.device, trainer.workers) == ("gpu", GPUS)
        assert trainer.zero_stage == int(path.stem[-1])
    elif isinstance(experiment, SweepExperiment):
        assert trainer.workers * experiment.sweep.concurrency == GPUS
    else:
        assert experiment.elicit.samples.k == 10
    assert ("70b" in experiment.name) == ("70b" in experiment.model.path) == (engine.tensor_parallel > 1)


def test_a_larger_run_of_the_same_models_differs_in_name_model_and_engines_alone() -> None:
    for small, large in (("mmlu_7b", "mmlu_70b"), ("trivia_qa_7b", "trivia_qa_70b")):
        same = [
            read(JOBS / "paper" / f"{one}.yaml").model_dump(exclude={"name", "model", "engine"})
            for one in (small, large)
        ]
        assert same[0] == same[1]


def test_a_job_whose_store_is_not_named_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAYCAL_STORE")
    with pytest.raises(ExperimentError, match="RAYCAL_STORE"):
        read(PAPER[0])
