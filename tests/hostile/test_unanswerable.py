"""Questions without an answer: what says so, and what answers all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up_store import make_experiment, open_made_up, write_answers

from raycal.grading.grader import AnsweredQuestion
from raycal.grading.match import Match, Reason
from raycal.grading.maths import Math
from raycal.questions.question import UNANSWERABLE
from raycal.stages.grade import grade_by_rules

# (reply, whether it says that there is no answer)
REPLIES = [
    ("I don't know.", True),
    ("I don’t know", True),
    ("Unanswerable", True),
    ("**Unanswerable.**", True),
    ("The question is unanswerable.", True),
    ("This question cannot be answered from the passage.", True),
    ("It cannot be determined who won.", True),
    ("Who won the war cannot be determined.", True),
    ("The passage does not say.", True),
    ("The passage doesn't mention a wife.", True),
    ("The passage does not explicitly state when she was born. It only says that she died in 1912.", True),
    ("Based on the passage, it is not possible to know.", True),
    ("I'm sorry, but I don't know.", True),
    ("I'm sorry, I can't answer that.", True),
    ("Unfortunately, the answer is not mentioned in the text.", True),
    ("There is no answer in the passage.", True),
    ("Nobody knows.", True),
    ("No one really knows what the meaning of life is.", True),
    ("The answer is unknown.", True),
    ("Not mentioned", True),
    ("The answer cannot be found in the passage.", True),
    ("It is not clear from the text.", True),
    ("N/A", True),
    ("No answer", True),
    ("<think>Was it Paris?</think>I don't know.", True),
    ("I don't know, but the passage does not say either.", True),
    ("Not enough information.", True),
    ("Paris", False),
    ("Paris. I'm not sure.", False),
    ("Paris, but I'm not sure.", False),
    ("Paris, I don't know for certain", False),
    ("I'm not sure, but maybe Paris.", False),
    ("I don't know. I think it was 1912.", False),
    ("The passage does not say, but it was probably Rollo.", False),
    ("No", False),
    ("yes", False),
    ("", False),
    ("   ", False),
    ("<think>I don't know", False),
    ("She did not marry.", False),
    ("42", False),
    ("The Unknown Soldier", False),
]


@pytest.mark.parametrize("grader", [Match(), Math()])
def test_right_is_what_says_that_there_is_no_answer(grader: Match | Math) -> None:
    asked = [AnsweredQuestion("Who?", (), UNANSWERABLE, reply, answerable=False) for reply, _ in REPLIES]
    grades = [(reply, grade.correct) for (reply, _), grade in zip(REPLIES, grader.grade(asked), strict=True)]
    assert grades == REPLIES


@pytest.mark.parametrize("reply", [reply for reply, abstains in REPLIES if abstains])
def test_what_says_that_there_is_no_answer_is_wrong_where_there_is_one(reply: str) -> None:
    [grade] = Match().grade([AnsweredQuestion("Who?", (), ("Jane Austen",), reply)])
    assert grade.correct is False


def test_the_grade_says_that_it_is_an_abstention() -> None:
    [grade] = Match().grade([AnsweredQuestion("Who?", (), UNANSWERABLE, "I don't know.", answerable=False)])
    assert (grade.reason, grade.extracted) == (Reason.ABSTENTION, "I don't know.")


def test_a_question_whose_answer_is_that_word_is_answerable() -> None:
    [grade] = Match().grade([AnsweredQuestion("How is it called?", (), ("unanswerable",), "Unanswerable")])
    assert (grade.correct, grade.reason) == (True, Reason.EXACT)


def test_a_run_knows_which_of_its_questions_are_unanswerable(tmp_path: Path) -> None:
    experiment = make_experiment(tmp_path, n=2)
    rows = [
        {"question": "Who wrote Emma?", "answer": "Jane Austen", "is_answerable": True},
        {"question": "Who will win?", "answer": None, "is_answerable": False},
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    source = f"{{source: file, path: {tmp_path}/questions.jsonl, columns: {{answerable: is_answerable}}}}"
    run = open_made_up(experiment, f"questions=[{source}]", "splits=[train, calibration, test]")
    write_answers(run, answer_of=lambda _: "Nobody knows.")
    grade_by_rules(run, Match())
    joined = "grades JOIN questions ON questions.key = grades.question_id"
    graded = run.store.rows(f"SELECT answerable, correct FROM {joined} ORDER BY answerable")
    assert [tuple(row.values()) for row in graded] == [(False, True), (True, False)]
