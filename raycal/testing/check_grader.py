"""Checks that every grader passes, ours and those of other packages."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from raycal.config.engine import EngineConfig, ModelConfig, PromptStyle
from raycal.grading.grader import (
    GRADERS,
    AnsweredQuestion,
    Grade,
    Grader,
    ImportedGrader,
    ModelGrader,
    PureGrader,
)

_OPEN = AnsweredQuestion("Which city?", (), ("Samplebourg", "Samplebourg City"), "It is Exampleville")


def check_grader(
    grader: Grader, *, right: Sequence[AnsweredQuestion] = (), wrong: Sequence[AnsweredQuestion] = ()
) -> None:
    """Check what raycal relies on of a grader; AssertionError says what does not hold.

    right, wrong: answers that a PureGrader must grade so.

    >>> from raycal.grading.match import Match
    >>> check_grader(Match(), right=[AnsweredQuestion("Which city?", (), ("Paris",), "It is Paris.")])
    """
    _check_options(grader)
    match grader:
        case PureGrader():
            _check_grades(grader, right, wrong)
        case ModelGrader():
            _check_questions(grader)
        case ImportedGrader():
            assert grader.key_name, "key_name: it names the grader in keys"
        case _:
            raise AssertionError(f"{type(grader).__name__} is no PureGrader, ModelGrader or ImportedGrader")


def _check_options(grader: Grader) -> None:
    assert GRADERS.get(grader.grader) is type(grader), f"GRADERS has another class as {grader.grader!r}: register this"
    assert Grader.read(grader.model_dump(mode="json")) == grader, "a grader is what its JSON says: it is stored as that"
    assert pickle.loads(pickle.dumps(grader)) == grader, "a grader travels to other processes"  # noqa: S301 - our own
    renamed = grader.model_copy(update={"name": "another name"})
    assert renamed.label == "another name", "label: the name, where there is one"
    assert renamed.identity() == grader.identity(), "a name changes no key"
    assert grader.label, "a grader has a label"


def _check_grades(grader: PureGrader, right: Sequence[AnsweredQuestion], wrong: Sequence[AnsweredQuestion]) -> None:
    assert grader.key_name, "key_name: it names the grader in keys"
    rows = [_OPEN, *right, *wrong]
    grades = grader.grade(rows)
    assert grader.grade([]) == [], "grade: no grades for no answers"
    assert len(grades) == len(rows), f"grade: one grade an answer, and not {len(grades)} for {len(rows)}"
    for row, grade in zip(rows, grades, strict=True):
        assert isinstance(grade, Grade), f"grade: {grade!r} is no Grade"
        assert grade.correct is None or isinstance(grade.correct, bool), f"grade: True, False or None, not {grade}"
        assert isinstance(grade.extracted, str), f"grade: extracted is a text, not {grade}"
        assert isinstance(grade.reason, str), f"grade: reason is a text, not {grade}"
        assert grader.grade([row]) == [grade], f"grade: that of {row.answer!r} does not depend on other answers"
    for expected, examples in ((True, right), (False, wrong)):
        for row, grade in zip(examples, grader.grade(examples), strict=True):
            assert grade.correct is expected, f"grade: {expected} for {row}, and not {grade}"


def _check_questions(grader: ModelGrader) -> None:
    text = "".join(turn.content for turn in grader.conversation(_OPEN))
    for part in (_OPEN.question, *_OPEN.accepted, _OPEN.answer):
        assert part in text, f"conversation: the model is told {part!r}"
    assert grader.verdict("") is None, "verdict: an empty reply has none"
    name, style = grader.key_name("model@1", PromptStyle.AUTO), PromptStyle.AUTO
    assert grader.key_name("model@2", style) != name, "key_name: the model determines the grades"
    on_others = grader.model_copy(update={"engine": EngineConfig(replicas=3)})
    assert on_others.key_name("model@1", style) == name, "key_name: engines change no grade"
    assert on_others.identity() == grader.identity(), "engines change no key"
    of_another = grader.model_copy(update={"model": ModelConfig(path="another/model")})
    assert of_another.identity() != grader.identity(), "the model that judges enters the run's id"
