"""Graders as an experiment names them: read from files, called by labels, stored under names that change with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from made_up_store import copy_of, make_run, open_made_up
from rich.console import Console

from raycal.cli.events import EventPrinter
from raycal.config.engine import ModelConfig, PromptStyle
from raycal.experiment.config import Experiment
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.experiment.run import Run
from raycal.grading.grader import GRADERS, AnsweredQuestion, Grade, Grader, ImportedGrader, ModelGrader, PureGrader
from raycal.grading.human import Human
from raycal.grading.judge import Judge
from raycal.grading.match import Match
from raycal.models.prompts import Conversation, Role, Turn
from raycal.stages.answers import answered
from raycal.stages.grade import GraderError, grade_by_rules, grader_name, grades_of, grading_record
from raycal.stages.pipeline import agreements, grade_stage
from raycal.testing import check_grader, simulated_model

OWN_PROMPT = "{question} Should be {answers}, and is {answer}. Is that right?"
OTHER = ModelConfig(path="some/other-model")


class LastWord(PureGrader):
    """Correct where the last word is that of an accepted answer."""

    grader: Literal["last_word"] = "last_word"
    case: bool = False

    def grade(self, questions: Sequence[AnsweredQuestion]) -> list[Grade]:
        return [self._grade(row) for row in questions]

    def _grade(self, row: AnsweredQuestion) -> Grade:
        last, *accepted = ((text if self.case else text.lower()).split()[-1:] for text in (row.answer, *row.accepted))
        return Grade(last in accepted if last else None, "".join(last), "last word")


@pytest.fixture
def last_word() -> Iterator[type[LastWord]]:
    """As if an installed package had registered it."""
    yield GRADERS.register("last_word")(LastWord)
    del GRADERS._members["last_word"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("original"), 40)[0]


@pytest.fixture
def made(original: Path, tmp_path: Path) -> tuple[Path, Run]:
    return copy_of(original, tmp_path)


def graders(*written: Any) -> tuple[Grader, ...]:
    return Experiment.model_validate({"name": "x", "grade": {"graders": written}}).grade.graders


@pytest.mark.parametrize(
    "grader", [Match(), Human(), Judge(), Judge(prompt=OWN_PROMPT), Judge(model=OTHER, name="the other")]
)
def test_our_graders_keep_to_the_protocol(grader: Grader) -> None:
    answers = {text: AnsweredQuestion("Which city?", (), ("Paris",), text) for text in ("Paris.", "Rome")}
    check_grader(grader, right=[answers["Paris."]], wrong=[answers["Rome"]])


def test_a_grader_of_another_package_keeps_to_it_too(last_word: type[LastWord]) -> None:
    check_grader(last_word(), right=[AnsweredQuestion("?", (), ("Jane AUSTEN",), "It was Austen")])
    check_grader(last_word(case=True), wrong=[AnsweredQuestion("?", (), ("Jane AUSTEN",), "It was Austen")])


class Short(LastWord):
    grader: Literal["short"] = "short"  # type: ignore[assignment]

    def grade(self, questions: Sequence[AnsweredQuestion]) -> list[Grade]:
        return super().grade(questions)[:-1]


class Neighbor(LastWord):
    grader: Literal["neighbor"] = "neighbor"  # type: ignore[assignment]

    def grade(self, questions: Sequence[AnsweredQuestion]) -> list[Grade]:
        return [Grade(len(questions) > 1, row.answer, "it is in company") for row in questions]


class Forgetful(ModelGrader):
    grader: Literal["forgetful"] = "forgetful"

    def conversation(self, question: AnsweredQuestion) -> Conversation:
        return (Turn(Role.USER, f"{question.question} {question.answer}"),)


class Neither(Grader):
    grader: Literal["neither"] = "neither"


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Short, "one grade an answer, and not 0 for 1"),
        (Neighbor, "does not depend on other answers"),
        (Forgetful, "the model is told 'Samplebourg'"),
        (Neither, "Neither is no PureGrader"),
    ],
)
def test_a_grader_that_breaks_the_protocol_is_told_how(kind: type[Grader], complaint: str) -> None:
    name = kind.model_fields["grader"].default
    GRADERS.register(name)(kind)
    try:
        right = [AnsweredQuestion("?", (), ("a",), "a")] if kind is Neighbor else []
        with pytest.raises(AssertionError, match=complaint):
            check_grader(kind(grader=name), right=right)
    finally:
        del GRADERS._members[name]


def test_a_grader_under_anothers_name_is_told_so() -> None:
    with pytest.raises(AssertionError, match="another class as 'match': register this"):
        check_grader(LastWord.model_construct(grader="match"))  # type: ignore[arg-type]


def test_a_bare_word_is_a_grader_with_its_defaults() -> None:
    assert graders("match", {"grader": "judge"}, "human") == (Match(), Judge(), Human())


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        (["judge", {"grader": "judge", "model": {"path": "some/other-model"}}], ["judge", "judge (other-model)"]),
        ([{"grader": "judge", "prompt": OWN_PROMPT}], ["judge (own prompt)"]),
        (
            [
                {"grader": "judge", "model": {"path": "some/other-model"}, "prompt": OWN_PROMPT, "name": "strict"},
                {"grader": "judge", "model": {"path": "some/other-model"}, "engine": {"replicas": 2}},
            ],
            ["strict", "judge (other-model)"],
        ),
    ],
)
def test_graders_of_a_kind_are_told_apart_by_their_labels(written: list[Any], labels: list[str]) -> None:
    assert [grader.label for grader in graders(*written)] == labels


def test_a_grader_of_another_package_is_called_by_its_options(last_word: type[LastWord]) -> None:
    assert [grader.label for grader in graders("last_word", {"grader": "last_word", "case": True})] == [
        "last_word",
        "last_word (case True)",
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[]", "grade: there is no grader: name at least one"),
        ("[match, match]", "two graders are called match: take one out, or give it a name"),
        ("[match, {grader: judge, name: match}]", "two graders are called match"),
        ("[judge, {grader: judge, name: same}]", "judge and same are one grader under two names"),
        ("[judge, {grader: judge, name: same, engine: {replicas: 2}}]", "judge and same are one grader"),
        ("[matchh]", "grade.graders.0: there is no grader 'matchh': did you mean 'match'"),
        ("[3]", "grade.graders.0: write it as a mapping with its grader"),
        ("[{model: {path: x}}]", "grade.graders.0: it has no grader: name one"),
        ("[{grader: judge, promt: x}]", "there is no key grade.graders.0.promt, did you mean prompt?"),
        ("[match, {grader: judge, model: {pth: x}}]", "no key grade.graders.1.model.pth, did you mean path?"),
        ("[{grader: judge, engine: {replicas: 0}}]", "grade.graders.0.engine.replicas: "),
        ("[{grader: match, prompt: x}]", "there is no key grade.graders.0.prompt"),
    ],
)
def test_mistakes_are_said_with_their_key(tmp_path: Path, written: str, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"name: x\ngrade: {{graders: {written}}}")
    with pytest.raises(ExperimentError) as raised:
        read_experiment(path)
    assert message in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("Is it right?", "the prompt lacks {question} and {answers} and {answer}"),
        ("{question} {answers} {anser}", "there is no placeholder {anser}: did you mean 'answer'?"),
        ("{question} {answers} {answer} {left}", "there is no placeholder {left}"),
        ("{question} {answers} {answer.upper}", "there is no placeholder {answer.upper}"),
        ("{question} {answers} {answer!r}", "the placeholder {answer} stands alone in its braces"),
        ("{question:>9} {answers} {answer}", "the placeholder {question} stands alone in its braces"),
        ("{question} {answers} {answer} {", "a brace that is none of a placeholder is written twice"),
        ("{question} {answers} {answer} {}", "there is no placeholder {}"),
    ],
)
def test_a_prompt_with_other_placeholders_is_refused(prompt: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=r"grade\.graders\.0\.prompt: ") as raised:
        read_experiment(None, [f"grade.graders=[{{grader: judge, prompt: {json.dumps(prompt)}}}]"])
    assert message in str(raised.value)


def test_a_prompt_of_equivalence_has_placeholders_of_its_own() -> None:
    with pytest.raises(ExperimentError, match=r"equivalence_judge\.prompt: there is no placeholder \{answers\}"):
        read_experiment(None, [f"equivalence_judge.prompt={json.dumps(OWN_PROMPT)}"])
    experiment = read_experiment(None, ["equivalence_judge.prompt='{question} {left} {right} {{x}}'"])
    (turn,) = experiment.equivalence_judge.conversation("Who {is} it?", "Ann", "Bob")
    assert turn.content == "Who {is} it? Ann Bob {x}"


def test_a_prompt_of_ones_own_is_what_is_asked() -> None:
    (turn,) = Judge(prompt=OWN_PROMPT).conversation(AnsweredQuestion("Who {x}?", (), ("Ann", "A."), "{answer}"))
    assert turn.content == "Who {x}? Should be Ann; A., and is {answer}. Is that right?"


def test_an_experiment_is_the_same_when_it_is_read_from_its_record() -> None:
    written = {"grader": "judge", "model": {"path": "a/b"}, "engine": {"replicas": 2}, "prompt": OWN_PROMPT}
    experiment = Experiment.model_validate(
        {"name": "x", "grade": {"graders": ["match", written | {"name": "first"}, written | {"model": None}]}}
    )
    again = Experiment.model_validate_json(experiment.model_dump_json())
    assert again == experiment
    assert [grader.label for grader in again.grade.graders] == ["match", "first", "judge (own prompt)"]


def test_what_changes_no_grade_enters_no_id() -> None:
    def identity(**options: Any) -> str:
        return Experiment.model_validate(
            {"name": "x", "grade": {"graders": [{"grader": "judge"} | options]}}
        ).identity()

    assert identity() == identity(name="n") == identity(engine={"replicas": 2})
    assert json.loads(identity())["grade"] == {"graders": ["judge"]}  # as before there were options
    assert len({identity(), identity(prompt=OWN_PROMPT), identity(model={"path": "a/b"})}) == 3


def test_what_judges_equivalence_enters_ids_only_where_it_is_set() -> None:
    def identity(**options: Any) -> str:
        return Experiment.model_validate({"name": "x", "equivalence_judge": options}).identity()

    assert identity() == identity(engine={"replicas": 2}) == Experiment(name="x").identity()
    assert len({identity(), identity(prompt="{question}{left}{right}"), identity(model={"path": "a/b"})}) == 3


def test_names_in_keys_have_all_that_determines_a_grade(made: tuple[Path, Run], tmp_path: Path) -> None:
    _, run = made
    model = ModelConfig(path=str(simulated_model(tmp_path / "other", {})))
    named = {
        "match": (Match(), "match/3"),
        "human": (Human(), "human"),
        "judge": (Judge(), f"judge/auto/900ae72e/{run.recipe.model}"),
        "renamed": (Judge(name="another"), f"judge/auto/900ae72e/{run.recipe.model}"),
    }
    for grader, name in named.values():
        assert grader_name(run, grader) == name
    judges = [Judge(), Judge(model=model), Judge(prompt=OWN_PROMPT), Judge(prompt=OWN_PROMPT, model=model)]
    judges.append(Judge(model=model.model_copy(update={"prompt_style": PromptStyle.CHAT})))
    assert len({grader_name(run, judge) for judge in judges}) == len(judges)


def test_options_and_versions_of_another_packages_grader_enter_its_name(last_word: type[LastWord]) -> None:
    names = [last_word().key_name, last_word(case=True).key_name]
    assert names == ['{"grader": "last_word"}', '{"case": true, "grader": "last_word"}']


def test_graders_of_rules_grade_what_is_ungraded_each_under_its_name(
    made: tuple[Path, Run], last_word: type[LastWord]
) -> None:
    path, run = made
    both = open_made_up(path, "grade.graders=[match, last_word, {grader: last_word, case: true}]")
    console = Console(record=True, width=200)
    grade_stage(both, EventPrinter(console))
    n = len(answered(run, run.experiment.splits))
    shown = console.export_text()
    assert f"{n} answers by last_word\n" in shown
    assert f"{n} answers by last_word (case True)" in shown
    assert set(agreements(both)) == {"match and last_word", "match and last_word (case True)"}
    assert grades_of(both, last_word()) == grades_of(both, Match())
    assert grade_by_rules(both, last_word()) == 0


def test_the_first_graders_word_counts(made: tuple[Path, Run], last_word: type[LastWord]) -> None:
    path, _ = made
    run = open_made_up(path, "grade.graders=[last_word, match]")
    assert all(row.correct is None for row in answered(run, run.experiment.splits))
    grade_by_rules(run, last_word())
    assert {row.correct for row in answered(run, run.experiment.splits)} == {True, False}


def test_grades_that_fit_no_answers_are_refused(made: tuple[Path, Run]) -> None:
    with pytest.raises(GraderError, match=r"the grader short gave \d+ grades for \d+ answers"):
        grade_by_rules(made[1], Short(grader="short"))


def test_a_grader_of_no_kind_is_refused(made: tuple[Path, Run]) -> None:
    with pytest.raises(GraderError, match="derive it from PureGrader, ModelGrader or ImportedGrader"):
        grader_name(made[1], Neither())


def test_the_record_says_who_graded(made: tuple[Path, Run], tmp_path: Path) -> None:
    path, run = made
    folder = simulated_model(tmp_path / "other", {})
    written = f"grade.graders=[match, judge, {{grader: judge, model: {{path: {folder}}}}}]"
    run = open_made_up(path, written)
    record = grading_record(run)
    assert [row["label"] for row in record["graders"]] == ["match", "judge", "judge (other)"]
    assert [row["self_judged"] for row in record["graders"]] == [False, True, False]
    assert record["graders"][0]["judge"] is None
    assert record["graders"][1]["judge"] == str(run.recipe.model)
    assert record["graders"][2]["judge"].startswith("other@")
    assert record["equivalence"] is None


def test_the_record_says_who_judged_equivalence(made: tuple[Path, Run], tmp_path: Path) -> None:
    path, run = made
    folder = simulated_model(tmp_path / "other", {})
    judged = "methods=[{method: sampling, equivalence: judge}]"
    assert grading_record(open_made_up(path, judged))["equivalence"]["self_judged"]
    other = grading_record(open_made_up(path, judged, f"equivalence_judge.model={{path: {folder}}}"))
    assert not other["equivalence"]["self_judged"]
    same = grading_record(open_made_up(path, judged, f"equivalence_judge.model={{path: {run.experiment.model.path}}}"))
    assert same["equivalence"]["self_judged"]


def test_imported_graders_are_a_kind_of_their_own() -> None:
    assert isinstance(Human(), ImportedGrader)
    assert not isinstance(Human(), PureGrader | ModelGrader)
