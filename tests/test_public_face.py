"""`import raycal as rc`: what it loads, what it returns, that it prints nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import made_up_store
import numpy as np
import pytest
import simulated
from drawn_figures import rectangles

import raycal as rc
from raycal.analysis.export import ExportError
from raycal.analysis.frames import RunFrames
from raycal.experiment.file import ExperimentError
from raycal.metrics import MetricError
from raycal.store.store import StoreError
from raycal.testing import Service

HEAVY = ("torch", "ray", "vllm", "pandas", "numpy", "pydantic", "duckdb", "matplotlib", "rich", "transformers")
P, CORRECT = [0.25, 0.75, 1.0, 1.0], [0, 1, 1, 0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment file of a run with scores."""
    path, run = made_up_store.make_run(tmp_path_factory.mktemp("face"), n=60)
    made_up_store.write_scores(run, lambda key: (int(key, 16) % 100) / 100 if int(key, 16) % 5 else None)
    return path


@pytest.fixture
def scored(made: Path) -> RunFrames:
    path = made.with_name("zero_shot.yaml")
    if not path.exists():
        text = made.read_text()
        path.write_text(text[: text.index("methods:")] + "methods: [{method: zero_shot}]\n")
    return rc.open_store(made.parent / "store").run(str(path))


def test_importing_it_loads_no_library() -> None:
    look = f"import sys, raycal; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_another_is_not() -> None:
    assert set(rc.__all__) <= set(dir(rc))
    assert all(getattr(rc, name) is not None for name in rc.__all__)
    with pytest.raises(AttributeError, match="'raycal' has no attribute 'eec'"):
        rc.eec  # type: ignore[attr-defined]  # noqa: B018


def test_metrics_of_arrays() -> None:
    assert rc.ece(P, CORRECT, bins=15) == pytest.approx(rc.evaluate(P, CORRECT, bins=15)["ece"].value)
    interval = rc.bootstrap(P, CORRECT, replicates=50)["accuracy"]
    assert interval is not None
    assert 0 <= interval.low <= 0.5 <= interval.high <= 1


@pytest.mark.parametrize(("p", "reason"), [([], "no rows"), ([1.0], "which the convention kapoor drops")])
def test_an_ece_that_is_undefined_is_an_error(p: list[float], reason: str) -> None:
    with pytest.raises(MetricError, match=reason):
        rc.ece(p, [1] * len(p), convention=rc.metrics.Convention.KAPOOR)


@pytest.mark.parametrize("convention", list(rc.metrics.Convention))
def test_a_convention_may_be_named_by_a_text(convention: rc.metrics.Convention) -> None:
    p, correct = [0.2, 0.4, 0.75, 1.0, 1.0], [0, 1, 1, 1, 0]
    text = str(convention)
    assert rc.ece(p, correct, bins=5, convention=text) == rc.ece(p, correct, bins=5, convention=convention)
    assert rc.evaluate(p, correct, convention=text) == rc.evaluate(p, correct, convention=convention)


def test_an_unknown_convention_is_an_error() -> None:
    with pytest.raises(rc.RaycalError, match="no convention 'kapor': it is one of equal_width"):
        rc.ece(P, CORRECT, convention="kapor")


def test_tables_without_rows_have_their_columns(tmp_path: Path) -> None:
    store = rc.open_store(tmp_path)
    assert {"run", "dataset", "method", "ece"} <= set(store.metrics().columns)
    assert "run" in store.runs().columns
    assert list(store.sql("SELECT 1 AS a WHERE false").columns) == ["a"]
    assert store.sql("SELECT 1 AS a, 2 AS a").to_numpy().tolist() == [[1, 2]]


def test_a_figure_of_arrays_has_a_bar_a_bin_with_answers() -> None:
    figure = rc.plot.reliability(P, CORRECT, bins=4, title="four answers")
    diagram, histogram = figure.axes
    assert diagram.get_title("left") == "four answers"
    assert [bar.get_height() for bar in rectangles(histogram)] == [0, 1, 0, 3]
    assert rc.plot.reliability([], []).axes


def test_an_experiment_is_loaded_with_overrides(made: Path) -> None:
    experiment = rc.Experiment.load(made, {"elicit.samples.k": 20, "name": "no", "splits": ["test"]})
    assert (experiment.elicit.samples.k, experiment.name) == (20, "no")
    with pytest.raises(ExperimentError, match="did you mean samples"):
        rc.Experiment.load(made, {"elicit.sample.k": 20})


def test_methods_are_found_by_their_class() -> None:
    experiment = rc.Experiment(name="mine", methods=[rc.methods.Sampling(k=3), rc.methods.ZeroShot()])
    assert [method.method for method in experiment.methods] == ["sampling", "zero_shot"]
    with pytest.raises(AttributeError, match="no attribute 'Samplings'"):
        rc.methods.Samplings  # noqa: B018


def test_tables_of_a_run(scored: RunFrames, capsys: pytest.CaptureFixture[str]) -> None:
    answers = scored.answers()
    assert len(answers) == 60 - 6 - 8  # neither those that were not asked nor those that failed
    assert set(answers["correct"]) == {True, False}
    test = scored.answers(split="test")
    assert 0 < len(test) < len(answers)
    assert set(test["split"]) == {"test"}
    confidences = scored.confidences()
    assert len(confidences) == 60
    assert confidences["zero_shot"].isna().any()
    joined = scored.scored("test").merge(confidences, on="question_id")
    assert len(joined) == len(test)
    np.testing.assert_array_equal(joined["zero_shot_x"], joined["zero_shot_y"])
    assert list(scored.samples().columns) == [
        "question_id",
        "dataset",
        "split",
        "index",
        "text",
        "logprobs",
        "finish_reason",
    ]
    assert scored.samples().empty
    assert capsys.readouterr() == ("", "")


def test_a_store_is_queried(made: Path) -> None:
    store = rc.open_store(made.parent / "store")
    assert list(store.runs()["name"]) == ["made-up"]
    assert store.metrics().empty
    assert store.sql("SELECT count(*) AS n FROM questions WHERE kind = ?", ["open"])["n"].tolist() == [60]


def test_what_is_not_there_is_an_error_of_ours(made: Path, scored: RunFrames, tmp_path: Path) -> None:
    store = rc.open_store(made.parent / "store")
    with pytest.raises(ExportError, match="has no run 'made'"):
        store.run("made")
    with pytest.raises(StoreError, match="there is no results store at"):
        rc.open_store(tmp_path / "nowhere")
    with pytest.raises(ExportError, match="there is no split 'dev'"):
        scored.answers(split="dev")
    with pytest.raises(rc.RaycalError):
        store.sql("SELECT nothing FROM nowhere")


def test_the_types_are_those_of_every_public_name() -> None:
    stub = Path(rc.__file__).with_suffix(".pyi").read_text()
    typed = {line.rsplit(" as ")[-1] for line in stub.splitlines() if " as " in line}
    assert typed | {"__version__"} == set(rc.__all__)


_RUN = """
import raycal as rc
exp = rc.Experiment.load(PATH)
assert rc.plan_experiment(exp, rc.Rates(engine=5000)).lines
events = []
run = rc.run(exp, on_event=events.append)
started = [event.stage for event in events if isinstance(event, rc.events.StageStarted)]
assert started == ["elicit", "grade", "finetune", "features", "score", "evaluate", "report"]
counts = next(event.data for event in events if isinstance(event, rc.events.StageResult))
assert max(event.done for event in events if isinstance(event, rc.events.StageProgress)) == counts["to_ask"]
assert events[-1] == rc.events.StageEnded("report")
assert run.id == rc.run(exp).id
assert len(run.samples()) and len(run.scored("test")) == run.metrics()["n"].iloc[0]
assert set(run.confidences()) > {"likelihood", "sampling"}
assert run.id in set(rc.open_store(exp.storage).runs()["run"])
assert rc.ask("What is the capital of France?", exp).answer
"""


@pytest.mark.ray
def test_a_run_a_plan_and_a_question_print_nothing(tmp_path: Path) -> None:
    simulated.write_model(tmp_path / "model", Service())
    path = tmp_path / "experiment.yaml"
    text = simulated.fitted(tmp_path / "model")
    start, end = text.index("methods:"), text.index("evaluate:")
    methods = "methods: [{method: likelihood}, {method: sampling}]\n"
    path.write_text(f"{text[:start]}{methods}{text[end:]}storage: {tmp_path / 'store'}\n")
    code = _RUN.replace("PATH", repr(str(path)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
