"""Graded answers as a data set: what is written, what is left out, and that others can read it."""

from __future__ import annotations

from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
import yaml
from made_up_store import (
    FAILING,
    UNASKED,
    answer,
    copy_of,
    make_experiment,
    make_run,
    open_made_up,
    question,
    write_answers,
)
from typer.testing import CliRunner

from raycal.analysis.export import ExportError, export_graded, open_run
from raycal.analysis.import_grades import import_graded
from raycal.cli.main import app
from raycal.experiment.run import Run
from raycal.questions.question import split_of
from raycal.store.store import StoreError

N = 120
SPLITS = ("train", "calibration", "test")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("original"), N)[0]


@pytest.fixture
def made(original: Path, tmp_path: Path) -> tuple[Path, Run]:
    return copy_of(original, tmp_path)


def test_every_graded_answer_is_written_once_in_its_questions_split(made: tuple[Path, Run], tmp_path: Path) -> None:
    export_graded(made[1], tmp_path / "out")
    answered = [index for index in range(N) if index % FAILING and index % UNASKED]
    for split in SPLITS:
        rows = pq.read_table(tmp_path / "out" / f"{split}.parquet").to_pylist()
        expected = {question(index): index for index in answered if split_of(question(index)) == split}
        assert len(rows) == len(expected) > 0
        for row in rows:
            index = expected.pop(row["question"])
            assert (row["answer"], row["correct"], row["accepted"]) == (answer(index), index % 3 > 0, [str(index + 1)])
            assert (row["dataset"], row["kind"], row["choices"]) == ("numbers", "open", [])
            assert row["grader"].startswith("match/")
            assert row["model"] == str(made[1].recipe.model)


def test_datasets_reads_the_folder_with_its_splits(made: tuple[Path, Run], tmp_path: Path) -> None:
    splits = export_graded(made[1], tmp_path / "out")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: part.num_rows for name, part in loaded.items()} == {one.split: one.n for one in splits}
    assert set(loaded) == set(SPLITS)
    assert loaded["test"].features["correct"].dtype == "bool"
    texts = {name: set(part["question"]) for name, part in loaded.items()}
    assert sum(map(len, texts.values())) == len(set().union(*texts.values()))


def test_card_counts_what_was_left_out(made: tuple[Path, Run], tmp_path: Path) -> None:
    splits = export_graded(made[1], tmp_path / "out")
    assert [one.split for one in splits] == list(SPLITS)
    unanswered = sum(not (index % FAILING and index % UNASKED) for index in range(N))
    assert sum(one.failed for one in splits) == unanswered
    assert sum(one.n + one.ungraded + one.failed for one in splits) == N
    card = (tmp_path / "out" / "README.md").read_text()
    _, header, text = card.split("---\n", 2)
    assert yaml.safe_load(header)["license"] == "unknown"
    assert [file["split"] for file in yaml.safe_load(header)["configs"][0]["data_files"]] == list(SPLITS)
    for one in splits:
        assert f"| {one.split} | {one.n} | {100 * one.correct / one.n:.1f} % | {one.ungraded} | {one.failed} |" in text
    assert made[1].id in text
    assert str(made[1].recipe.model) in text


def test_answers_that_the_first_grader_left_out_are_counted_as_ungraded(made: tuple[Path, Run], tmp_path: Path) -> None:
    path, run = made
    grades = tmp_path / "grades.csv"
    (index,) = [
        index for index in range(1, N) if split_of(question(index)) == "test" and index % FAILING and index % UNASKED
    ][:1]
    grades.write_text(f"question,answer,correct\n{question(index)},{answer(index)},false\n")
    import_graded(run, grades)
    by_people = open_made_up(path, "grade.graders=[human]")
    (only,) = export_graded(by_people, tmp_path / "out")
    assert (only.split, only.n, only.correct) == ("test", 1, 0)
    assert only.ungraded > 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["README.md", "test.parquet"]
    assert pq.read_table(tmp_path / "out" / "test.parquet")["grader"].to_pylist() == ["human"]


def test_a_folder_with_something_in_it_is_left_alone(made: tuple[Path, Run], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    export_graded(made[1], out)  # an empty one will do
    before = {file: file.read_bytes() for file in out.iterdir()}
    with pytest.raises(ExportError, match="is there already: name a new or empty folder"):
        export_graded(made[1], out)
    assert {file: file.read_bytes() for file in out.iterdir()} == before
    with pytest.raises(ExportError, match="is there already"):
        export_graded(made[1], made[0])


def test_the_folder_may_be_the_working_one(
    made: tuple[Path, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    export_graded(made[1], Path())
    assert sorted(file.name for file in out.iterdir()) == ["README.md", *sorted(f"{split}.parquet" for split in SPLITS)]
    assert not list(tmp_path.glob(".raycal-*"))


def test_a_run_without_grades_leaves_nothing_behind(tmp_path: Path) -> None:
    run = open_made_up(make_experiment(tmp_path))
    write_answers(run)
    with pytest.raises(ExportError, match="has no graded answers"):
        export_graded(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_is_found_by_its_id_wherever_its_store_lies(made: tuple[Path, Run], tmp_path: Path) -> None:
    run = made[1]
    moved = run.store.root.rename(tmp_path / "elsewhere")
    found = open_run(run.id, moved)
    assert found.id == run.id
    assert export_graded(found, tmp_path / "out")
    done = CliRunner().invoke(app, ["export-graded", run.id, "--store", str(moved), "-o", str(tmp_path / "more")])
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "more" / "README.md").read_text() == (tmp_path / "out" / "README.md").read_text()


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    _, run = make_run(tmp_path)
    with pytest.raises(ExportError, match=f"did you mean '{run.id}'"):
        open_run("made-up-1", run.store.root)
    with pytest.raises(StoreError, match="there is no results store"):
        open_run(run.id, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExportError, match="no run in the store"):
        open_run(run.id, tmp_path / "empty")
    (tmp_path / "model" / "config.json").write_text('{"another": 1}')
    with pytest.raises(ExportError, match="another model"):
        open_run(run.id, run.store.root)
