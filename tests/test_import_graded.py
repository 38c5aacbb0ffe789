"""People's grades: how rows find their answers, what is refused, and that grades come in once."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up_store import answer, copy_of, make_run, open_made_up, question, write_answers
from rich.console import Console
from typer.testing import CliRunner

from raycal.analysis.export import export_graded
from raycal.analysis.import_grades import GradeColumns, ImportGradedError, import_graded
from raycal.cli.events import EventPrinter
from raycal.cli.main import app
from raycal.experiment.run import Run
from raycal.grading.human import Human
from raycal.grading.match import Match
from raycal.questions import QuestionSourceError
from raycal.stages.answers import GradedAnswer, answered
from raycal.stages.grade import grades_of
from raycal.stages.pipeline import agreements, grade_stage


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("original"))[0]


@pytest.fixture
def made(original: Path, tmp_path: Path) -> tuple[Path, Run]:
    return copy_of(original, tmp_path)


@pytest.fixture
def run(made: tuple[Path, Run]) -> Run:
    return made[1]


@pytest.fixture
def some(run: Run) -> list[GradedAnswer]:
    return answered(run, run.experiment.splits)[:6]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def human(run: Run) -> dict[str, bool | None]:
    return grades_of(run, Human())


@pytest.mark.parametrize("name", ["g.csv", "g.jsonl", "g.parquet"])
@pytest.mark.parametrize("by", [("answer_key",), ("question_id", "answer"), ("question", "answer")])
def test_rows_find_their_answers(
    run: Run, some: list[GradedAnswer], tmp_path: Path, name: str, by: tuple[str, ...]
) -> None:
    verdicts = [index % 2 == 0 for index in range(len(some))]
    rows = [
        {column: getattr(one, column) for column in by} | {"correct": verdict}
        for one, verdict in zip(some, verdicts, strict=True)
    ]
    report = import_graded(run, write(tmp_path / name, rows))
    assert (report.new, report.known, report.blank, report.refused) == (6, 0, 0, ())
    assert human(run) == {one.answer_key: verdict for one, verdict in zip(some, verdicts, strict=True)}
    stored = list(run.store.rows("SELECT * FROM grades WHERE grader = 'human'"))
    assert {row["reason"].split(":")[0] for row in stored} == {name}
    assert {row["question_id"] for row in stored} == {one.question_id for one in some}


def test_columns_may_have_any_name(run: Run, some: list[GradedAnswer], tmp_path: Path) -> None:
    path = write(tmp_path / "g.csv", [{"asked": some[0].question, "said": f" {some[0].answer} ", "ok": "YES"}])
    import_graded(run, path, GradeColumns(question="asked", answer="said", correct="ok"))
    assert human(run) == {some[0].answer_key: True}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(True, True), (1, True), (0.0, False), ("no", False), ("1.0", True), (" False ", False)],
)
def test_verdicts_in_their_spellings(
    run: Run, some: list[GradedAnswer], tmp_path: Path, cell: Any, expected: bool
) -> None:
    import_graded(run, write(tmp_path / "g.jsonl", [{"answer_key": some[0].answer_key, "correct": cell}]))
    assert human(run) == {some[0].answer_key: expected}


def test_bad_rows_are_named_and_the_rest_goes_on(run: Run, some: list[GradedAnswer], tmp_path: Path) -> None:
    path = write(
        tmp_path / "g.jsonl",
        [
            {"answer_key": some[0].answer_key, "correct": "maybe"},
            {"answer_key": "unheard of", "correct": True},
            {"answer_key": some[1].answer_key, "correct": True},
            {"answer_key": some[1].answer_key, "correct": False},
            {"answer_key": some[2].answer_key, "correct": ""},
            {"answer_key": some[3].answer_key, "correct": None},
            {"correct": True},
            {"answer_key": some[4].answer_key, "correct": False},
            {"answer_key": some[4].answer_key, "correct": False},
        ],
    )
    with path.open("a") as file:
        file.write("not json\n")
    report = import_graded(run, path)
    assert human(run) == {some[4].answer_key: False}
    assert (report.new, report.known, report.blank) == (1, 0, 2)
    reasons = {row.location: row.reason for row in report.refused}
    assert set(reasons) == {f"g.jsonl:{line}" for line in (1, 2, 3, 4, 7, 10)}
    assert "must be true or false" in reasons["g.jsonl:1"]
    assert reasons["g.jsonl:2"] == "the run has no answer 'unheard of'"
    assert reasons["g.jsonl:3"] == reasons["g.jsonl:4"] == "the file grades this answer as correct and as wrong"
    assert "not JSON" in reasons["g.jsonl:10"]


def test_a_second_import_adds_and_never_changes(run: Run, some: list[GradedAnswer], tmp_path: Path) -> None:
    first = [{"answer_key": one.answer_key, "correct": True} for one in some[:3]]
    import_graded(run, write(tmp_path / "first.csv", first))
    again = import_graded(run, write(tmp_path / "first.csv", first))
    assert (again.new, again.known) == (0, 3)
    second = [{"answer_key": one.answer_key, "correct": False} for one in some[2:]]
    report = import_graded(run, write(tmp_path / "second.csv", second))
    assert (report.new, report.known) == (3, 0)
    (refused,) = report.refused
    assert refused.location == "second.csv:2"
    assert "graded this answer as correct" in refused.reason
    assert human(run) == {one.answer_key: place < 3 for place, one in enumerate(some)}
    # What the message says to do works.
    folder = Path(refused.reason.split("delete ")[1].split(" and import")[0])
    for shard in folder.iterdir():
        shard.unlink()
    import_graded(run, tmp_path / "second.csv")
    assert human(run) == {one.answer_key: False for one in some[2:]}
    assert grades_of(run, Match())


def test_one_answer_to_one_question_in_two_data_sets_is_ambiguous(tmp_path: Path) -> None:
    path, _ = make_run(tmp_path)
    files = f"{{source: file, path: {tmp_path / 'questions.jsonl'}, dataset: "
    both = open_made_up(path, f"questions=[{files}numbers}}, {files}twins}}]")
    write_answers(both)
    grades = write(
        tmp_path / "g.csv",
        [
            {"question": question(1), "answer": answer(1), "correct": True},
            {"question": question(2), "answer": answer(2), "correct": True},
        ],
    )
    with pytest.raises(ImportGradedError, match=r"2 answers of the run are .* name one by its answer_key"):
        import_graded(both, grades)
    assert import_graded(open_made_up(path), grades).new == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("g.txt", "a", "has no known format"),
        ("g.csv", "", "holds no rows"),
        ("g.csv", "answer_key,corect\nx,1\n", "no column 'correct': did you mean 'corect'"),
        ("g.parquet", "no parquet", "is not a Parquet file"),
        ("g.jsonl", "no JSON\n", "none of the first 1 rows .* can be read"),
    ],
)
def test_files_that_cannot_be_read(run: Run, tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(QuestionSourceError, match=message):
        import_graded(run, tmp_path / name)
    assert human(run) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("answer,correct\nx,1\n", "does not say which answers it grades"),
        ("answer_key,correct\nx,1\n", "no grade to take over: 0 rows are without one, 1 are refused"),
        ("answer_key,correct\nx,\n", "1 rows are without one, 0 are refused"),
    ],
)
def test_files_without_a_grade_to_take_over(run: Run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "g.csv").write_text(text)
    with pytest.raises(ImportGradedError, match=message):
        import_graded(run, tmp_path / "g.csv")
    assert human(run) == {}


def test_a_column_that_was_named_must_be_there(run: Run, some: list[GradedAnswer], tmp_path: Path) -> None:
    path = write(tmp_path / "g.csv", [{"answer_key": some[0].answer_key, "correct": 1}])
    with pytest.raises(QuestionSourceError, match="no column 'answer_ky': did you mean 'answer_key'"):
        import_graded(run, path, GradeColumns(answer_key="answer_ky"))
    with pytest.raises(QuestionSourceError, match="there is no file"):
        import_graded(run, tmp_path / "nope.csv")


def test_what_was_exported_can_be_imported(run: Run, tmp_path: Path) -> None:
    splits = export_graded(run, tmp_path / "out")
    assert sum(one.n for one in splits) > 0
    for one in splits:
        report = import_graded(run, tmp_path / "out" / f"{one.split}.parquet")
        assert (report.new, report.blank, report.refused) == (one.n, 0, ())
    assert human(run) == grades_of(run, Match())


def test_the_grade_stage_counts_human_grades_and_agreement(
    made: tuple[Path, Run], some: list[GradedAnswer], tmp_path: Path
) -> None:
    path, run = made
    rows: list[dict[str, Any]] = [
        {"answer_key": one.answer_key, "correct": place > 0} for place, one in enumerate(some)
    ]
    assert not import_graded(run, write(tmp_path / "g.csv", rows)).used
    both = open_made_up(path, "grade.graders=[match, human]")
    console = Console(record=True, width=200)
    grade_stage(both, EventPrinter(console))
    shown = console.export_text()
    assert f"6 of {len(answered(run, run.experiment.splits))} answers have a human grade" in shown
    assert "match and human" in shown
    matched = grades_of(run, Match())
    agreeing = sum(matched[row["answer_key"]] == row["correct"] for row in rows) / len(rows)
    assert agreements(both)["match and human"].share == agreeing


def test_the_command_shows_what_happened(made: tuple[Path, Run], some: list[GradedAnswer], tmp_path: Path) -> None:
    rows = [{"id": some[0].answer_key, "right": "yes"}, {"id": "x", "right": "yes"}]
    file = write(tmp_path / "g.csv", rows)
    arguments = ["import-graded", str(made[0]), str(file), "--answer-key", "id", "--correct", "right"]
    runner = CliRunner(env={"COLUMNS": "200"})
    table = runner.invoke(app, arguments)
    assert table.exit_code == 0, table.stderr
    assert "g.csv:3: the run has no answer 'x'" in table.stdout
    assert "add human to grade.graders" in table.stdout
    found = json.loads(runner.invoke(app, [*arguments, "--json"]).stdout)
    assert (found["new"], found["known"], len(found["refused"])) == (0, 1, 1)
