"""No question is on two sides of the split: not by its form, its data set, what is exported, or what is trained on."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_store import make_experiment, open_made_up, write_answers
from support import local

from raycal.analysis.export import export_graded
from raycal.experiment.run import Run
from raycal.grading.match import Match
from raycal.methods.fine_tuned import FineTuned
from raycal.questions import load
from raycal.questions.columns import Columns
from raycal.questions.question import Kind, Question, Split, split_of
from raycal.questions.sources.base import QuestionSource
from raycal.questions.sources.file import QuestionFile
from raycal.questions.sources.mmlu import Mmlu
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.stages.answers import graded
from raycal.stages.finetune import training_rows
from raycal.stages.grade import grade_by_rules

ASKED = (Split.TRAIN, Split.CALIBRATION, Split.TEST)


def splits_by_text(source: QuestionSource) -> dict[str, Split]:
    return {item.question: item.split for item in load(source) if isinstance(item, Question)}


def test_open_and_choice_forms_of_a_question_are_on_one_side() -> None:
    opened, choice = (splits_by_text(WorldFacts(kind=kind)) for kind in (Kind.OPEN, Kind.CHOICE))
    assert opened == choice
    assert set(opened.values()) == set(ASKED)


def test_a_data_set_moves_no_question(tmp_path: Path) -> None:
    """The same questions as an open CSV file, a choice CSV file and MMLU, in another order, are split alike."""
    texts = sorted(splits_by_text(WorldFacts(limit=300)), reverse=True)
    table, mmlu = tmp_path / "questions.csv", tmp_path / "mmlu" / "test" / "trivia_test.csv"
    mmlu.parent.mkdir(parents=True)
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["question", "answer", "one", "two"], *([text, "A", "x", "y"] for text in texts)])
    with mmlu.open("w", newline="") as file:
        csv.writer(file).writerows([text, "w", "x", "y", "z", "A"] for text in texts)
    expected = splits_by_text(WorldFacts(limit=300))
    for source in (
        QuestionFile(source="file", path=table),
        QuestionFile(source="file", path=table, dataset="other", columns=Columns(choices=("one", "two"))),
        Mmlu(source="mmlu", path=tmp_path / "mmlu"),
        Mmlu(source="mmlu", path=tmp_path / "mmlu", kind=Kind.OPEN),
    ):
        assert splits_by_text(source) == expected, source


@given(st.text(min_size=1).filter(str.strip), st.sampled_from([" ", "\n", "\t ", "  "]))
def test_spacing_and_case_move_no_question(text: str, space: str) -> None:
    assert split_of(space + space.join(text.split()) + space) == split_of(text)
    ascii_text = text.encode("ascii", "ignore").decode()
    assert split_of(ascii_text.upper()) == split_of(ascii_text.lower())


# ---------------------------------------------------------------------------------------------------------------- a run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every question in three forms: worldfacts open and choice, and a file of the same texts."""
    root = tmp_path_factory.mktemp("splits")
    path = make_experiment(root, 1)
    with (root / "facts.csv").open("w", newline="") as file:
        texts = splits_by_text(WorldFacts(limit=200))
        csv.writer(file).writerows([["question", "answer"], *([f"  {text.upper()} ", "x"] for text in texts)])
    facts = "{source: worldfacts, limit: 200}, {source: worldfacts, kind: choice, limit: 200}"
    made = open_made_up(path, f"questions=[{facts}, {{source: file, path: {root / 'facts.csv'}}}]")
    write_answers(made, lambda question: question[:1])
    grade_by_rules(made, Match())
    return made


def normal(texts: list[str]) -> set[str]:
    return {" ".join(text.casefold().split()) for text in texts}


def test_every_question_is_there_in_three_forms(run: Run) -> None:
    """Else the tests below could not fail."""
    rows = [row for split in ASKED for row in graded(run, split)]
    assert len(rows) == 600
    assert len(normal([row.question for row in rows])) == 200


def test_exported_splits_share_no_question(run: Run, tmp_path: Path) -> None:
    export_graded(run, tmp_path / "out")
    texts = {
        split: normal(pq.read_table(tmp_path / "out" / f"{split}.parquet")["question"].to_pylist()) for split in ASKED
    }
    assert all(texts.values())
    for one, other in combinations(ASKED, 2):
        assert not texts[one] & texts[other]


def test_training_sees_no_question_of_calibration_or_test(run: Run) -> None:
    trained = training_rows(run, FineTuned())
    held_out = [row for split in (Split.CALIBRATION, Split.TEST) for row in graded(run, split)]
    assert trained
    assert held_out
    assert not normal([row.question for row in trained]) & normal([row.question for row in held_out])
    assert not {row.answer_key for row in trained} & {row.answer_key for row in held_out}
    assert {row.split for row in trained} == {"train"}


def test_examples_shown_in_prompts_are_neither_calibration_nor_test_questions(run: Run) -> None:
    path = local(run.store.root).parent / "made-up.yaml"
    questions = ", ".join(["{source: worldfacts, limit: 200}", "{source: worldfacts, kind: choice, limit: 200}"])
    shown = open_made_up(path, f"questions=[{questions}]", "elicit.few_shot=4").recipe.examples
    texts = [example.question for examples in shown.values() for example in examples]
    assert texts
    assert {split_of(text) for text in texts} == {Split.TRAIN}
