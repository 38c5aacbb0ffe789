"""A small run whose answers, grades and scores are made up: no engine, no download."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raycal.experiment.file import read_experiment
from raycal.experiment.record import record_run
from raycal.experiment.run import Run
from raycal.grading.match import Match
from raycal.methods.zero_shot import ZeroShot
from raycal.models.embeddings import Embedder
from raycal.models.prompts import CORRECTNESS
from raycal.stages.grade import grade_by_rules
from raycal.stages.pipeline import agreements
from raycal.stages.score import score_answers
from raycal.store.schemas import Table

FAILING, UNASKED = 7, 11  # every such question's answer failed, or was never asked for
_EXPERIMENT = """
name: made-up
storage: {root}/store
model: {{path: {root}/model}}
questions:
  - {{source: file, path: {root}/questions.jsonl, dataset: numbers}}
methods: [{{method: zero_shot}}, {{method: combined, of: [{{method: zero_shot}}, {{method: likelihood}}]}}]
"""


def question(index: int) -> str:
    return f"What comes after {index}?"


def answer(index: int) -> str:
    """Every third answer is wrong."""
    return str(index + 1 if index % 3 else index + 2)


def make_experiment(root: Path, n: int = 120) -> Path:
    """An experiment file with its questions and its model, of which nothing but the name is ever used."""
    (root / "model").mkdir()
    (root / "model" / "config.json").write_text("{}")
    rows = [{"question": question(index), "answer": str(index + 1)} for index in range(n)]
    (root / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = root / "made-up.yaml"
    path.write_text(_EXPERIMENT.format(root=root))
    return path


def open_made_up(path: Path, *overrides: str) -> Run:
    return Run.open(read_experiment(path, overrides))


def write_answers(run: Run, answer_of: Callable[[str], str] | None = None) -> None:
    """Answers to all of the run's questions but the failing and the unasked ones."""
    texts = {row["key"]: row["question"] for row in run.store.rows("SELECT key, question FROM questions")}
    rows: list[dict[str, Any]] = []
    for asked in run.asked.to_pylist():
        text = texts[asked["question_id"]]
        row = {"key": asked["answer_key"], "question_id": asked["question_id"]}
        if answer_of is not None:
            rows.append(row | {"text": answer_of(text)})
            continue
        index = int(text.split()[-1].rstrip("?"))
        if index % UNASKED:
            rows.append(row | ({"text": answer(index)} if index % FAILING else {"error": "too long"}))
    run.store.write(Table.ANSWERS, run.recipe.partitions[Table.ANSWERS], rows)


def write_scores(run: Run, p_true: Callable[[str], float | None]) -> None:
    """Zero-shot confidences from made-up probabilities of "yes" by answer key."""
    rows = [
        {"key": run.recipe.query_key(CORRECTNESS, key), "answer_key": key, "p_true": p_true(key)}
        for key in run.asked["answer_key"].to_pylist()
    ]
    run.store.write(Table.QUERIES, run.recipe.partitions[Table.QUERIES], rows)
    score_answers(run, ZeroShot(), Embedder(run.experiment.embedding_model))


def make_run(root: Path, n: int = 120) -> tuple[Path, Run]:
    """An experiment file and its run, answered, graded by match and recorded."""
    path = make_experiment(root, n)
    run = open_made_up(path)
    write_answers(run)
    grade_by_rules(run, Match())
    record_run(run, {name: vars(found) for name, found in agreements(run).items()})
    return path, run


def copy_of(made: Path, root: Path) -> tuple[Path, Run]:
    """The run of an experiment file on a copy of its store, which may be written to."""
    shutil.copytree(made.parent / "store", root / "store")
    path = root / made.name
    path.write_text(made.read_text().replace(f"{made.parent}/store", f"{root}/store"))
    return path, open_made_up(path)
