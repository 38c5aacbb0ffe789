"""An experiment becomes one with a method a size, and a size that cannot be is said before any engine starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_store import make_experiment
from typer.testing import CliRunner

from raycal.cli.main import app
from raycal.experiment.ablation import AblationError, ablated, by_size, open_ablation, unsized_label
from raycal.experiment.config import Experiment
from raycal.experiment.file import read_experiment
from raycal.methods.base import Method
from raycal.methods.classifier import Classifier
from raycal.methods.fine_tuned import FineTuned
from raycal.methods.recalibrated import Recalibrated
from raycal.methods.zero_shot import ZeroShot

TUNED = FineTuned(name="tuned", rank=2)


def of(*methods: Method) -> Experiment:
    return Experiment(name="sizes", methods=methods)


def labels(experiment: Experiment) -> list[str]:
    return [method.label for method in experiment.methods]


def test_a_method_that_learns_becomes_one_a_size_where_it_stood() -> None:
    expanded = ablated(of(ZeroShot(), TUNED, Classifier(layer=3)), [200, 100])
    assert expanded.methods == (
        ZeroShot(),
        FineTuned(name="tuned, 100 questions", rank=2, training_questions=100),
        FineTuned(name="tuned, 200 questions", rank=2, training_questions=200),
        Classifier(name="classifier (layer 3), 100 questions", layer=3, training_questions=100),
        Classifier(name="classifier (layer 3), 200 questions", layer=3, training_questions=200),
    )
    assert expanded.name == "sizes-ablation"


def test_nothing_but_methods_and_name_changes() -> None:
    experiment = Experiment(name="sizes", seed=3, methods=(TUNED,))
    expanded = ablated(experiment, [5])
    assert expanded.model_copy(update={"name": "sizes", "methods": experiment.methods}) == experiment


def test_what_was_fitted_before_and_what_is_fitted_on_other_splits_stays_as_it_is(tmp_path: Path) -> None:
    kept = (FineTuned(adapter=tmp_path), Classifier(fitted=tmp_path), Recalibrated(of=TUNED))
    assert ablated(of(*kept, Classifier()), [7]).methods[:3] == kept


def test_sizes_that_an_experiment_names_give_way_to_those_of_the_ablation() -> None:
    expanded = ablated(of(Classifier(), Classifier(training_questions=50)), [100, 200])
    assert labels(expanded) == ["classifier, 100 questions", "classifier, 200 questions"]
    again = ablated(expanded, [300])
    assert labels(again) == ["classifier, 300 questions"]


@pytest.mark.parametrize(
    ("methods", "sizes", "message"),
    [
        ([ZeroShot(), Recalibrated(of=TUNED)], [100], "no method of sizes learns from the train split"),
        ([FineTuned(adapter=Path("somewhere"))], [100], "no method of sizes learns from the train split"),
        ([TUNED], [100, 0], "1 or more, and not 0"),
        ([TUNED], [-5, 100], "1 or more, and not -5"),
        ([TUNED], [100, 200, 100], "the size 100 is there more than once"),
    ],
)
def test_an_ablation_that_cannot_be_is_refused(methods: list[Method], sizes: list[int], message: str) -> None:
    with pytest.raises(AblationError, match=message):
        ablated(of(*methods), sizes)


def test_methods_that_differ_in_their_size_alone_are_found_again() -> None:
    others = [ZeroShot(), TUNED, FineTuned(rank=4, training_questions=100), Recalibrated(of=TUNED)]
    expanded = ablated(of(TUNED, Classifier()), [1000, 20])
    classifier, tuned = by_size([*others, *reversed(expanded.methods)])
    assert [list(tuned), list(classifier)] == [[20, 1000], [20, 1000]]
    assert [*tuned.values(), *classifier.values()] == list(expanded.methods)


@pytest.mark.parametrize(
    ("method", "label"),
    [
        (FineTuned(name="tuned, 100 questions", training_questions=100), "tuned"),
        (FineTuned(name="tuned on 100", training_questions=100), "tuned on 100"),
        (Classifier(layer=3, training_questions=100), "classifier (layer 3)"),
        (Classifier(name="on 5, 100 questions"), "on 5, 100 questions"),
    ],
)
def test_a_label_without_its_size(method: Classifier | FineTuned, label: str) -> None:
    assert unsized_label(method) == label


# ---------------------------------------------------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 questions, and a model that no engine could start."""
    return make_experiment(tmp_path_factory.mktemp("ablation"), 120)


LEARNING = "methods=[{method: classifier}]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "10"], "no method of made-up learns from the train split"),
        (["--sizes", "10,ten", "--set", LEARNING], "--sizes 10,ten: write whole numbers"),
        (["--sizes", "10,10", "--set", LEARNING], "the size 10 is there more than once"),
        (["--set", LEARNING], "an ablation with 1000 training questions needs as many in the train split, which has "),
        (["--sizes", "1", "--set", LEARNING, "--set", "splits=[test]"], "in the train split, which has 0: "),
    ],
)
def test_mistakes_are_one_sentence(file: Path, arguments: list[str], message: str) -> None:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["ablate", str(file), *arguments])
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    *opening, sentence = done.stderr.splitlines()
    assert message in sentence
    assert opening in ([], ["made-up: reading the questions, finding the model"])
    assert done.stdout == ""


def test_a_size_may_be_all_of_the_training_questions_but_no_more(file: Path) -> None:
    experiment = read_experiment(file, [LEARNING])
    available = open_ablation(experiment, [1]).asked["split"].to_pylist().count("train")
    assert 0 < available < 120
    open_ablation(experiment, [1, available])
    with pytest.raises(AblationError, match=f"which has {available}: "):
        open_ablation(experiment, [1, available + 1])
