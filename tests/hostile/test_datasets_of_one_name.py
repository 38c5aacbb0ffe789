"""Files that are one dataset by their names, and sources that contradict one another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.experiment.config import Experiment
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.experiment.ingest import QuestionSet, ingest
from raycal.questions import QuestionSourceError
from raycal.questions.question import Split
from raycal.questions.sources.base import QuestionSource
from raycal.questions.sources.file import QuestionFile
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.store.store import Store


def file(folder: Path, name: str, answers: dict[str, object], dataset: str | None = "quiz") -> QuestionFile:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(json.dumps({"question": q, "answer": a}) for q, a in answers.items()))
    return QuestionFile(source="file", path=path, dataset=dataset)


def read(folder: Path, *sources: QuestionSource) -> QuestionSet:
    return ingest(sources, list(Split), 0, Store(folder / "store"))


@pytest.mark.parametrize(
    "sources",
    [
        "[{source: file, path: squad/dev.jsonl}, {source: file, path: nq/dev.jsonl}]",
        "[{source: file, path: dev.jsonl}, {source: file, path: dev.csv}]",
        "[{source: file, path: squad/dev.jsonl}, {source: file, path: nq/x.jsonl, dataset: dev}]",
    ],
)
def test_files_that_are_one_dataset_by_their_names_alone_are_refused(tmp_path: Path, sources: str) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(f"name: e\nquestions: {sources}\n")
    with pytest.raises(ExperimentError, match="would both be the dataset 'dev': give each a dataset of its own"):
        read_experiment(path)


@pytest.mark.parametrize(
    "sources",
    [
        "[{source: file, path: a/dev.jsonl, dataset: nq}, {source: file, path: b/dev.jsonl, dataset: nq}]",
        "[{source: file, path: a/dev.jsonl, dataset: squad}, {source: file, path: b/dev.jsonl}]",
        "[{source: file, path: a/dev.jsonl, limit: 2}, {source: file, path: a/dev.jsonl}]",
        "[{source: file, path: a/dev.jsonl}, {source: worldfacts}]",
    ],
)
def test_files_that_are_named_on_purpose_are_read(sources: str) -> None:
    assert len(Experiment.model_validate({"name": "e", "questions": _yaml(sources)}).questions) == 2


def _yaml(text: str) -> object:
    import yaml

    return yaml.safe_load(text)


def test_sources_of_one_dataset_that_disagree_are_refused(tmp_path: Path) -> None:
    one = file(tmp_path, "a.jsonl", {"Who?": "Bo", "Where?": "Here"})
    other = file(tmp_path, "b.jsonl", {"Who?": "Al", "When?": "Now"})
    with pytest.raises(QuestionSourceError, match="two sources of the dataset 'quiz' have other answers to 'Who\\?'"):
        read(tmp_path, one, other)


def test_sources_that_agree_or_are_other_datasets_are_read(tmp_path: Path) -> None:
    one = file(tmp_path, "a.jsonl", {"Who?": ["Bo", "Beau"], "Where?": "Here"})
    same = file(tmp_path, "b.jsonl", {"Who?": ["Beau", "Bo"], "When?": "Now"})
    other = file(tmp_path, "c.jsonl", {"Who?": "Al"}, dataset="other")
    assert read(tmp_path, one, same, other, WorldFacts(limit=3)).questions == 8


def test_a_plan_counts_bad_rows_and_names_the_first(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("question,answer\nOne?,1\nTwo?,\nThree?,[a\nFour?,[b]\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    arguments = ["run", "--plan", "--set", f"questions=[{{source: file, path: {path}}}]"]
    arguments += ["--set", f"model.path={tmp_path}/model", "--set", f"storage={tmp_path}/store"]
    runner = CliRunner(env={"COLUMNS": "300"})
    shown = runner.invoke(app, arguments)
    assert shown.exit_code == 0, shown.stderr
    assert "2 rows are no questions and count as failed, the first at f.csv:3: the column 'answer'" in shown.stdout
    assert json.loads(runner.invoke(app, [*arguments, "--json"]).stdout)["bad_rows"] == 2
