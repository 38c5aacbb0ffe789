"""Rows of the hub's datasets that are not as their mapping has them, and datasets that have no mapping."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_rows import MORE_ROWS

from raycal.questions import BadRow, Question, QuestionSourceError, load
from raycal.questions.question import UNANSWERABLE, Kind
from raycal.questions.sources.hub import HubDataset

datasets = pytest.importorskip("datasets", reason="the extra `hub` is not installed")

STEM = "Which is it?\n\nAnswer Choices:\n"


@pytest.fixture(autouse=True)
def _no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def write(folder: Path, *rows: dict[str, Any], split: str = "test") -> Path:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def read(folder: Path, **settings: Any) -> list[Question | BadRow]:
    return list(load(HubDataset.model_validate({"source": "hub", "path": str(folder), **settings})))


def mapped(name: str, **changes: Any) -> dict[str, Any]:
    return {**MORE_ROWS[name][0], **changes}


# (mapping, what its row has otherwise, the accepted answers or what is in the reason)
ROWS: list[tuple[str, dict[str, Any], tuple[str, ...] | str]] = [
    ("popqa", {"possible_answers": "mathematician"}, "the column 'possible_answers' holds no list"),
    ("popqa", {"possible_answers": '["a", "b"'}, "neither JSON nor a Python literal"),
    ("popqa", {"possible_answers": "[]"}, "there is no accepted answer"),
    ("popqa", {"possible_answers": "['a', 'b']"}, ("a", "b")),
    ("popqa", {"s_pop": None}, ("mathematician", "programmer")),
    ("simpleqa", {"metadata": None}, ("Dürer",)),
    ("mmlu_pro", {"answer_index": 2}, "answer and answer_index name different options"),
    ("mmlu_pro", {"answer": "F"}, "the answer 'F' is not one of A, B, C, D, E"),
    ("mmlu_pro", {"options": ["1", "2", "N/A", "N/A"]}, ("2",)),
    ("mmlu_pro", {"options": ["2", "2", "3"]}, "stands twice among the choices"),
    ("mmlu_pro", {"options": [str(n) for n in range(10)], "answer": "J", "answer_index": 9}, ("9",)),
    ("gpqa", {"Incorrect Answer 2": "smoke"}, "stands twice among the choices"),
    ("gpqa", {"Incorrect Answer 3": None}, "a cell is missing"),
    ("math_500", {"answer": "[2, 5]"}, ("[2, 5]",)),
    ("math_500", {"answer": None}, "a cell is missing"),
    ("aime", {"Answer": 0}, ("0",)),
    ("aime", {"Answer": "073"}, ("73", "073")),
    ("aime", {"Answer": 204.0}, ("204",)),
    ("hle", {"image": "data:image/png;base64,iVBO"}, "the question has an image"),
    ("hle", {"image": None}, ("1,306",)),
    ("hle", {"answer_type": "multipleChoice", "question": f"{STEM}A. x\nB. y", "answer": "B"}, ("y",)),
    ("hle", {"answer_type": "multipleChoice", "question": f"{STEM}A. x\nx\n\nB. y", "answer": "A"}, ("x\nx",)),
    ("hle", {"answer_type": "multipleChoice", "question": f"{STEM}A. x\nC. y", "answer": "C"}, ("C",)),
    ("hle", {"answer_type": "multipleChoice", "question": "x or y?", "answer": "B"}, ("B",)),
    ("medqa", {"answer": "Vitamin D"}, "'Vitamin D' is not the choice at position 2"),
    ("medqa", {"answer_idx": "E"}, "the answer 'E' is not one of A, B, C, D"),
    ("medqa", {"options": {"A": "Vitamin A", "C": "Vitamin C", "D": None}}, ("Vitamin C",)),
    ("medqa", {"options": ["Vitamin A", "Vitamin C"]}, "holds no choices by their letters"),
    ("medmcqa", {"cop": -1}, "the answer '-1' is not one of 0, 1, 2, 3"),
    ("medmcqa", {"cop": 3}, ("ulna",)),
    ("medmcqa", {"cop": 4}, "the answer '4' is not one of 0, 1, 2, 3"),
    ("logiqa", {"correct_option": 4}, "the answer '4' is not one of 0, 1, 2, 3"),
    ("race", {"answer": "E"}, "the answer 'E' is not one of A, B, C, D"),
    ("race", {"options": "car"}, "the column 'options' holds no list"),
    ("hellaswag", {"label": ""}, "the answer '' is not one of 0, 1, 2, 3"),
    ("hellaswag", {"label": 3}, ("leaves.",)),
    ("piqa", {"label": -1}, "the answer '-1' is not one of 0, 1"),
    ("piqa", {"label": "1"}, ("Throw it at the wall.",)),
    ("siqa", {"label": "0"}, "the answer '0' is not one of 1, 2, 3"),
    ("siqa", {"label": "3"}, ("tall",)),
    ("squad_v2", {"answers": {"text": [], "answer_start": []}}, UNANSWERABLE),
    ("squad_v2", {"answers": {"text": None, "answer_start": []}}, "the column 'answers.text' is missing"),
    ("squad_v2", {"answers": {"text": [""], "answer_start": [0]}}, "there is no accepted answer, or an empty one"),
    ("musique", {"answerable": False}, UNANSWERABLE),
    ("musique", {"answerable": None}, ("England", "the UK")),
    ("musique", {"answerable": "maybe"}, "'answerable' is 'maybe': write true or false"),
    ("musique", {"paragraphs": ["Jane wrote Emma."]}, "holds no paragraphs"),
    ("strategy_qa", {"answer": "true"}, ("yes",)),
    ("strategy_qa", {"answer": "perhaps"}, "'answer' is 'perhaps': write true or false"),
    ("bbh", {"input": "not ( True ) is", "target": "False"}, ("False",)),
    ("bbh", {"target": "(C)"}, ("(C)",)),
    ("bbh", {"input": "Close: ( [\nOptions: none", "target": "] )"}, ("] )",)),
    ("selfaware", {"answerable": True}, "there is no accepted answer"),
    ("selfaware", {"answerable": True, "answer": ["42"]}, ("42",)),
    ("selfaware", {"answerable": None}, "the column 'answerable' is missing or empty"),
]


@pytest.mark.parametrize(("name", "changes", "expected"), ROWS)
def test_a_row_is_what_its_dataset_means_or_is_refused(
    tmp_path: Path, name: str, changes: dict[str, Any], expected: tuple[str, ...] | str
) -> None:
    [row] = read(write(tmp_path / name, mapped(name, **changes)), name=name, split="test")
    if isinstance(expected, str):
        assert isinstance(row, BadRow)
        assert expected in row.error
    else:
        assert isinstance(row, Question)
        assert (row.answers, row.answerable) == (expected, expected is not UNANSWERABLE)


@pytest.mark.parametrize(
    ("name", "row", "answers"),
    [
        ("aime", {"id": "60", "problem": "Find it.", "answer": "204"}, ("204",)),
        ("aime", {"ID": "1983-1", "Year": 1983, "Question": "Find it.", "Answer": "60"}, ("60",)),
        ("simpleqa", {"question": "Who?", "answer": "Bo"}, ("Bo",)),
        ("logiqa", {"label": "b", "context": "So.", "question": "What?", "options": ["w", "x", "y", "z"]}, ("x",)),
    ],
)
def test_copies_of_a_dataset_spell_their_columns_otherwise(
    tmp_path: Path, name: str, row: dict[str, Any], answers: tuple[str, ...]
) -> None:
    [question] = read(write(tmp_path / name, row), name=name, split="test")
    assert isinstance(question, Question)
    assert question.answers == answers


def test_the_right_one_of_gpqa_is_not_always_in_one_place(tmp_path: Path) -> None:
    rows = [mapped("gpqa", Question=f"What falls up, {number}?") for number in range(40)]
    questions = read(write(tmp_path / "gpqa", *rows), name="gpqa", split="test")
    assert {row.choices.index("smoke") for row in questions if isinstance(row, Question)} == {0, 1, 2, 3}


# --- datasets without a mapping ---

OPEN_ROW = {"prompt": "Who wrote Emma?", "gold": {"text": ["Jane Austen", "Austen"]}, "topic": "books"}
CHOICES = [{"stem": f"Pick, {n}", "options": ["w", "x", "y"], "key": key} for n, key in enumerate((0, 2, 1))]


def test_any_dataset_is_read_by_its_columns(tmp_path: Path) -> None:
    columns = {"question": "prompt", "answers": "gold.text", "subject": "topic"}
    [question] = read(write(tmp_path / "quiz", OPEN_ROW), columns=columns)
    assert isinstance(question, Question)
    assert (question.dataset, question.question, question.subject) == ("quiz", "Who wrote Emma?", "books")
    assert question.answers == ("Jane Austen", "Austen")


def test_positions_of_choices_count_as_the_whole_split_shows(tmp_path: Path) -> None:
    columns = {"question": "stem", "choices": "options", "answers": "key"}
    rows = read(write(tmp_path / "quiz", *CHOICES), columns=columns, name="picks")
    assert [row.answers for row in rows if isinstance(row, Question)] == [("w",), ("y",), ("x",)]
    assert {row.dataset for row in rows} == {"picks"}
    [first] = read(tmp_path / "quiz", columns=columns, limit=1)
    assert isinstance(first, Question)
    assert first.answers == ("w",)


def test_class_labels_are_read_by_their_names(tmp_path: Path) -> None:
    rows = {"text": ["Dull.", "Great!", "Hm."], "label": [0, 1, -1]}
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=["bad", "good"]))
    table = datasets.Dataset.from_dict(rows, features=features)
    (tmp_path / "reviews").mkdir()
    table.to_parquet(tmp_path / "reviews" / "test.parquet")
    first, second, third = read(tmp_path / "reviews", columns={"question": "text", "answers": "label"})
    assert isinstance(first, Question)
    assert isinstance(second, Question)
    assert isinstance(third, BadRow)
    assert (first.answers, second.answers) == (("bad",), ("good",))
    assert third.error == "the column 'label' is missing or empty"


def test_rows_may_say_that_they_are_unanswerable(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "Who?", "answer": "Bo", "answerable": True},
        {"question": "Why?", "answer": None, "answerable": False},
        {"question": "When?", "answer": None, "answerable": True},
    ]
    first, second, third = read(write(tmp_path / "quiz", *rows), columns={"answerable": "answerable"})
    assert isinstance(first, Question)
    assert isinstance(second, Question)
    assert isinstance(third, BadRow)
    assert (first.answerable, second.answerable, second.answers) == (True, False, UNANSWERABLE)
    assert "the column 'answer' is missing or empty" in third.error


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"columns": {"question": "promt", "answers": "topic"}},
            r"'promt' \(columns.question\): did you mean 'prompt'",
        ),
        ({"columns": {"question": "prompt"}}, r"has no column 'answer' \(columns.answers\)"),
        ({}, r"has no column 'question' \(columns.question\)"),
        ({"columns": {"question": "prompt", "answers": "topic"}, "kind": Kind.CHOICE}, "take kind out"),
        ({"columns": {"question": "prompt", "answers": "topic"}, "split": "train"}, "cannot be loaded: .*train"),
        ({"name": "quizz"}, "there is no mapping for the dataset 'quizz'.* needs its `path` and `columns`"),
        ({"name": "popqa", "positions_from": 1}, "take answer_separator and positions_from out"),
        ({"path": None}, "needs the `name` of a ready mapping, or a `path`"),
        ({"path": "cais/mmlu"}, "cais/mmlu has a ready mapping: set name to mmlu"),
    ],
)
def test_a_source_at_fault_is_refused_before_the_first_question(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    folder = write(tmp_path / "quiz", OPEN_ROW)
    source = HubDataset.model_validate({"source": "hub", "path": str(folder), **settings})
    with pytest.raises(QuestionSourceError, match=message):
        load(source)


def test_of_several_splits_one_must_be_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "quiz", OPEN_ROW)
    write(folder, OPEN_ROW, split="train")
    columns = {"question": "prompt", "answers": "topic"}
    with pytest.raises(QuestionSourceError, match=r"has several splits: set split to t[a-z]+ or t"):
        read(folder, columns=columns)
    assert len(read(folder, columns=columns, split="train")) == 1


def test_a_split_has_two_names_of_which_one_is_given(tmp_path: Path) -> None:
    folder = write(tmp_path / "popqa", mapped("popqa"), split="train")
    assert len(read(folder, name="popqa", hub_split="train")) == len(read(folder, name="popqa", split="train")) == 1
    with pytest.raises(ValueError, match="split"):
        HubDataset.model_validate({"source": "hub", "name": "popqa", "split": "train", "hub_split": "test"})
