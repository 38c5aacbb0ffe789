from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from question_sets import for_each_set

from raycal.questions import BadRow, Kind, Question, QuestionSourceError, Split, load
from raycal.questions.items import NEEDS_CHOICES
from raycal.questions.sources.mmlu import Mmlu

ORIGINAL = 'What is 1 + 1?,1,2,3,4,B\n"Which one, if any, is odd?",2,4,6,7,D\n'
WITH_HEADER = "question,choice0,choice1,choice2,choice3,answer\n" + ORIGINAL.replace("B\n", "1\n").replace("D\n", "3\n")


def folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        part = name.rpartition("_")[2]
        (path / part).mkdir(exist_ok=True)
        (path / part / f"{name}.csv").write_text(text, encoding="utf-8")
    return path


def read(path: Path, **settings: Any) -> tuple[list[Question], list[BadRow]]:
    rows = list(load(Mmlu(source="mmlu", path=path, **settings)))
    return [row for row in rows if isinstance(row, Question)], [row for row in rows if isinstance(row, BadRow)]


@pytest.mark.parametrize("text", [ORIGINAL, WITH_HEADER])
def test_both_forms_of_the_files_hold_the_same_questions(tmp_path: Path, text: str) -> None:
    questions, bad = read(folder(tmp_path, sums_test=text))
    assert bad == []
    assert [(q.question, q.choices, q.answers, q.subject) for q in questions] == [
        ("What is 1 + 1?", ("1", "2", "3", "4"), ("2",), "sums"),
        ("Which one, if any, is odd?", ("2", "4", "6", "7"), ("7",), "sums"),
    ]
    assert Split.FEW_SHOT not in {question.split for question in questions}


def test_dev_questions_are_examples_and_come_first_whatever_the_limit(tmp_path: Path) -> None:
    path = folder(tmp_path, sums_dev="What is 2 + 2?,1,2,3,4,D\n", sums_test=ORIGINAL, art_test="Who?,a,b,c,d,A\n")
    questions, _ = read(path, limit=1)
    assert [(q.subject, q.split is Split.FEW_SHOT) for q in questions] == [("sums", True), ("art", False)]


def test_a_limit_is_spread_over_subjects(tmp_path: Path) -> None:
    rows = {name: "".join(f"{name} {n}?,a,b,c,d,A\n" for n in range(9)) for name in ("p_test", "q_test", "r_test")}
    questions, _ = read(folder(tmp_path, **rows), limit=7)
    assert Counter(q.subject for q in questions) == {"p": 3, "q": 2, "r": 2}
    everything, _ = read(tmp_path)
    assert everything[:7] == questions


def test_subjects_can_be_chosen(tmp_path: Path) -> None:
    path = folder(tmp_path, art_test=ORIGINAL, sums_test=ORIGINAL, art_dev="Who?,a,b,c,d,A\n")
    assert {q.subject for q in read(path, subjects=["art"])[0]} == {"art"}


def test_asked_open_ended_the_right_choice_is_the_answer(tmp_path: Path) -> None:
    [question], [left_out] = read(folder(tmp_path, sums_test=ORIGINAL), kind=Kind.OPEN)
    assert (question.question, question.answers, question.choices) == ("What is 1 + 1?", ("2",), ())
    assert (left_out.location, left_out.error) == ("test/sums_test.csv:2", NEEDS_CHOICES)


def test_malformed_rows_are_told_apart(tmp_path: Path) -> None:
    text = ORIGINAL + 'Who?,a,b,c,d,E\nWho?,a,b,c,A\nWho?,a,a,c,d,A\n,a,b,c,d,A\n"Who?" x,a,b,c,d,A\nOK?,a,b,c,d,D\n'
    questions, bad = read(folder(tmp_path, sums_test=text))
    assert len(questions) == 3
    assert [row.location for row in bad] == [f"test/sums_test.csv:{line}" for line in range(3, 8)]
    assert "none of A, B, C, D" in bad[0].error
    assert "the row has 5 cells" in bad[1].error
    assert "stands twice" in bad[2].error


@pytest.mark.parametrize(
    ("files", "subjects", "message"),
    [
        ({}, (), "has no test/"),
        ({"art_dev": ORIGINAL}, (), "has no test/"),
        ({"anatomy_test": ORIGINAL, "art_test": ORIGINAL}, ("anatomie",), "did you mean 'anatomy'"),
        ({"art_test": ""}, (), "art_test.csv holds no questions"),
        ({"art_test": WITH_HEADER.partition("\n")[0]}, (), "art_test.csv holds no questions"),
        ({"art_test": ORIGINAL, "art_dev": ""}, (), "art_dev.csv holds no questions"),
        ({"art_test": "Who?,a,b,A\n"}, (), "art_test.csv is no MMLU file"),
    ],
)
def test_a_source_at_fault_is_refused_before_the_first_question(
    tmp_path: Path, files: dict[str, str], subjects: tuple[str, ...], message: str
) -> None:
    with pytest.raises(QuestionSourceError, match=message):
        load(Mmlu(source="mmlu", path=folder(tmp_path, **files), subjects=subjects))


# Rows and subjects; right choices that stand twice; questions that come a second time, mostly in another subject.
@for_each_set(ours=(10 + 40, 5, 1, 1), public=(285 + 14_042, 57, 4, 111))
def test_all_of_mmlu_is_read(data: Path, expected: tuple[int, int, int, int]) -> None:
    questions, bad = read(data / "mmlu")
    rows, subjects, doubled, repeated = expected
    assert len(questions) + len(bad) == rows
    assert len({question.subject for question in questions}) == subjects
    assert Counter(row.error.partition("twice")[1] for row in bad) == {"twice": doubled, "": repeated}


@for_each_set(ours=(10 + 40, 42, 42), public=(285 + 14_042, 7500, 8500))
def test_mmlu_without_its_choices_keeps_the_questions_that_make_sense(
    data: Path, expected: tuple[int, int, int]
) -> None:
    questions, bad = read(data / "mmlu", kind=Kind.OPEN)
    rows, least, most = expected
    assert len(questions) + len(bad) == rows
    assert least <= len(questions) <= most
    assert not any("following" in question.question.lower() for question in questions)
