"""`raycal threshold`: the threshold of anybody's file, and that of a run with its test split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up_store import make_run, open_made_up, write_scores
from typer.testing import CliRunner, Result

from raycal.analysis.threshold import HeldOut, ThresholdError, threshold_of_file, threshold_of_run
from raycal.cli.main import app
from raycal.experiment.run import Run
from raycal.methods.combined import Combined
from raycal.methods.fine_tuned import FineTuned
from raycal.methods.recalibrated import Recalibrated, Recalibration
from raycal.methods.zero_shot import ZeroShot
from raycal.metrics.threshold import trust_threshold
from raycal.questions.question import Split
from raycal.stages.answers import graded
from raycal.store.keys import digest


def command(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "400"}).invoke(app, ["threshold", *arguments])


@pytest.fixture
def scored_file(tmp_path: Path) -> Path:
    """60 sure answers of which 2 are wrong, 60 unsure ones of which 30 are; 3 without a confidence, 2 ungraded."""
    rows = [(0.9, index >= 2) for index in range(60)] + [(0.2, index >= 30) for index in range(60)]
    lines = [f"{p},{int(right)}" for p, right in rows] + [",1"] * 3 + ["0.9,"] * 2
    path = tmp_path / "scored.csv"
    path.write_text("p,right\n" + "\n".join(lines) + "\n")
    return path


def test_a_files_threshold_is_that_of_its_usable_rows(scored_file: Path) -> None:
    report = threshold_of_file(scored_file, error_rate=0.1, confidence="p", correct="right")
    assert (report.found.threshold, report.found.trusted, report.found.n) == (0.9, 60, 120)
    assert report.found.error == 2 / 60
    assert report.test is None
    assert report.notes == (
        "rows left out, without a grade: 2",
        "rows left out, without a confidence, never to be trusted: 3",
    )


def test_the_command_prints_a_sentence_or_json(scored_file: Path) -> None:
    arguments = [str(scored_file), "--confidence", "p", "--correct", "right", "--error-rate", "0.1"]
    shown = command(*arguments)
    assert shown.exit_code == 0, shown.stderr
    assert "Trust answers with a confidence of at least 0.9" in shown.stdout
    found = json.loads(command(*arguments, "--json").stdout)
    assert (found["threshold"], found["delta"], found["trusted"]) == (0.9, 0.1, 60)
    # 59 answers may hold two errors at a level of 10 %, not at one of 0.1 %.
    strict = json.loads(command(*arguments, "--delta", "0.001", "--json").stdout)
    assert strict["threshold"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.csv", "--error-rate", "0.1"], "there is no file nope.csv"),
        (["nope.yaml", "--error-rate", "0.1"], "there is no experiment file nope.yaml"),
        (["{file}", "--error-rate", "0.1"], "no column 'confidence'"),
        (["{file}", "--confidence", "p", "--correct", "right", "--error-rate", "2"], "must lie between 0 and 1"),
    ],
)
def test_mistakes_are_one_sentence(scored_file: Path, arguments: list[str], message: str) -> None:
    done = command(*(argument.format(file=scored_file) for argument in arguments))
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stdout == ""


# ---------------------------------------------------------------------------------------------------------------- a run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A run whose right answers are sure and whose wrong ones are not, but for every tenth by hash."""
    path, run = make_run(tmp_path_factory.mktemp("made"), 1200)
    right = {row.answer_key: row.correct for split in Split for row in graded(run, split)}

    def confidence(key: str) -> float | None:
        chance = int(digest("made up", key)[:4], 16) % 20
        if chance == 0:
            return None
        return 0.9 if bool(right.get(key)) != (chance == 1) else 0.3

    write_scores(run, confidence)
    return path, run


def test_a_run_is_fitted_on_calibration_and_tried_on_test(made: tuple[Path, Run]) -> None:
    _, run = made
    scores = {row["answer_key"]: row["confidence"] for row in run.store.rows("SELECT * FROM scores")}
    rows = {
        split: [row for row in graded(run, split) if scores[row.answer_key] is not None]
        for split in (Split.CALIBRATION, Split.TEST)
    }
    report = threshold_of_run(run, "zero_shot", error_rate=0.2)
    fitting = rows[Split.CALIBRATION]
    p = [scores[row.answer_key] for row in fitting]
    assert report.found == trust_threshold(p, [bool(row.correct) for row in fitting], error_rate=0.2)
    assert report.found.threshold == 0.9
    trusted = [row for row in rows[Split.TEST] if scores[row.answer_key] >= 0.9]
    assert report.test is not None
    assert (report.test.n, report.test.trusted) == (len(rows[Split.TEST]), len(trusted))
    assert report.test.coverage == len(trusted) / len(rows[Split.TEST])
    assert report.test.error == sum(not row.correct for row in trusted) / len(trusted) > 0
    assert report.notes == ()


def test_the_command_reports_the_test_split(made: tuple[Path, Run]) -> None:
    arguments = [str(made[0]), "--method", "zero_shot", "--error-rate", "0.2"]
    shown = command(*arguments)
    assert shown.exit_code == 0, shown.stderr
    assert "Of the test answers, " in shown.stdout
    found = json.loads(command(*arguments, "--json").stdout)
    assert found["test"]["n"] > found["n"] > 0


def test_a_threshold_that_trusts_nothing_has_no_error_on_test(made: tuple[Path, Run]) -> None:
    report = threshold_of_run(made[1], "zero_shot", error_rate=0.001)
    assert report.found.threshold is None
    assert report.test is not None
    assert (report.test.trusted, report.test.coverage, report.test.error) == (0, 0, None)


def test_without_test_answers_there_is_nothing_to_report() -> None:
    assert HeldOut.of(0.5, [], []) == HeldOut(0, 0, None, None)
    assert "no test answers" in HeldOut.of(0.5, [], []).sentence


def test_what_a_run_lacks_is_said(made: tuple[Path, Run]) -> None:
    path, run = made
    with pytest.raises(ThresholdError, match=r"--method\. There is: zero_shot, combined"):
        threshold_of_run(run, None, error_rate=0.1)
    with pytest.raises(ThresholdError, match="no method 'zeroshot': did you mean 'zero_shot'"):
        threshold_of_run(run, "zeroshot", error_rate=0.1)
    with pytest.raises(ThresholdError, match=r"no graded answer of the calibration split has a confidence by combined"):
        threshold_of_run(run, "combined (zero_shot, likelihood)", error_rate=0.1)
    with pytest.raises(ThresholdError, match="add calibration to splits"):
        threshold_of_run(open_made_up(path, "splits=[train, test]"), "zero_shot", error_rate=0.1)


def test_methods_that_saw_the_calibration_answers_are_known() -> None:
    zero_shot, tuned = ZeroShot(), FineTuned()
    assert not zero_shot.saw_calibration
    assert not Recalibrated(of=zero_shot, by=Recalibration.TEMPERATURE).saw_calibration
    assert not FineTuned(adapter=Path("somewhere")).saw_calibration
    for method in (
        tuned,
        Recalibrated(of=tuned, by=Recalibration.TEMPERATURE),
        Recalibrated(of=zero_shot, by=Recalibration.PLATT),
        Recalibrated(of=zero_shot, by=Recalibration.ISOTONIC),
        Combined(of=(zero_shot, zero_shot)),
    ):
        assert method.saw_calibration
