"""The command as a user types it, right and wrong."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import Raycal
from typer.testing import CliRunner, Result

from raycal.cli.main import app
from raycal.experiment.run import Run


def test_the_command_is_there_without_what_takes_seconds_to_import() -> None:
    slow = {"ray", "torch", "vllm", "transformers", "pandas", "sklearn", "scipy", "matplotlib", "optuna", "duckdb"}
    program = f"import sys, raycal.cli; print(*({slow} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_help_names_every_command(raycal: Raycal) -> None:
    shown = raycal("--help").stdout
    for command in (
        "run",
        "ablate",
        "sweep",
        "submit",
        "elicit",
        "grade",
        "score",
        "evaluate",
        "report",
        "ask",
        "results",
        "metrics",
    ):
        assert f" {command} " in shown


def test_light_commands_import_nothing_heavy(raycal: Raycal, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    code = (
        "import sys; from raycal.cli.main import app\n"
        "try: app(['results', '--store', sys.argv[1]])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'ray', 'vllm', 'transformers', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "store")], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def in_process(*arguments: str) -> Result:
    """The command without the start of a process."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


SMALL = "questions=[{source: worldfacts, relations: [state_capital]}]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["elicit", "--set", "elicit.samples.kk=3"], "there is no key elicit.samples.kk, did you mean k?"),
        (["elicit", "--set", "model.path=/no/such/model"], "there is no model '/no/such/model'"),
        (["elicit", "--set", "questions=[{source: file, path: nope.jsonl}]"], "nope.jsonl"),
        (["elicit", "--set", "questions=[{source: worldfacts, relations: [capitl]}]"], "capitl"),
        (["report", "--set", SMALL], "has no metrics yet"),
        (["elicit", "--set", SMALL, "--set", "storage={tmp}/a-file"], "a-file cannot be used: file exists"),
        (["ask", "  "], "the question is empty"),
        (
            ["ask", "Why?", "--set", "methods=[{method: fine_tuned, adapter: '{tmp}', wording: yes_no}]"],
            'was fitted with wording: "choices"',
        ),
        (["sweep", "{tmp}/sweep.yaml"], "sweep.space.0.k: 99: sampling needs at least 99 samples"),
        (["sweep", "{tmp}/sweep.yaml", "--set", "sweep.sapce=1"], "there is no key sweep.sapce, did you mean space?"),
        (["sweep", "{tmp}/sweep.yaml", "--set", "methods=[]"], "a sweep's methods stand in sweep.space"),
        (["results", "--json", "--csv"], "--json and --csv: choose one of them"),
        (["results", "--store", "nope"], "there is no results store at nope"),
        (["metrics", "nope.csv"], "nope.csv"),
        (["grade", "--file", "nope.csv"], "nope.csv"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_status_1(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "raycal.json").write_text('{"wording": "choices"}')
    (tmp_path / "sweep.yaml").write_text("{name: some, sweep: {space: [{method: sampling, k: [99]}]}}")
    if arguments[0] in ("elicit", "report"):
        arguments = [arguments[0], "--set", f"storage={tmp_path / 'store'}", *arguments[1:]]
    done = in_process(*(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stdout == ""


def test_a_mistake_shows_no_traceback(raycal: Raycal) -> None:
    done = raycal("run", "nope.yaml", check=False)
    assert done.returncode == 1
    assert done.stderr == "raycal: there is no experiment file nope.yaml\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select *\nfrom metricz", 'Table with name metricz does not exist! Did you mean "metrics"?'),
        ("select ecee from metrics", 'Referenced column "ecee" not found in FROM clause! Candidate bindings: "ece", '),
        ("select method\nfrom metrics were ece > 1", 'syntax error at or near "ece"'),
        ("select sum(method) from metrics", "'sum(VARCHAR)'. You might need to add explicit type casts."),
        ("select cast(name as int) from (select 'x' as name from range(9))", "Could not convert string 'x' to INT32"),
        (
            "select cast(if(i < 900000, '1', 'x') as int) from range(1000000) numbers(i)",
            "Could not convert string 'x' to",
        ),
        (";", "the query is empty"),
    ],
)
def test_wrong_sql_is_one_line_with_the_hint(tmp_path: Path, sql: str, message: str) -> None:
    done = in_process("results", "--store", str(tmp_path), "--sql", sql)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.startswith("raycal: the query ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_store_without_rows_says_so(tmp_path: Path) -> None:
    assert in_process("results", "--store", str(tmp_path)).stdout == "no rows\n"
    assert json.loads(in_process("results", "--store", str(tmp_path), "--json").stdout) == []


def test_grade_grades_rows_from_anywhere(raycal: Raycal, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"said": "It is Paris.", "gold": ["Paris"]}, {"said": "Lyon", "gold": "Paris"}, {"said": "Paris"}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    arguments = ["grade", "--file", str(path), "--prediction", "said", "--answers", "gold"]
    graded = json.loads(raycal(*arguments, "--json").stdout)
    assert (graded["n"], graded["correct"], len(graded["bad"])) == (2, 1, 1)
    assert "rows.jsonl:3" in in_process(*arguments).stdout


def test_metrics_works_on_anybodys_file(raycal: Raycal, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("p,right,topic\n0.2,1,a\n0.8,1,b\n")
    arguments = ["metrics", str(path), "--confidence", "p", "--correct", "right", "--group", "topic"]
    found = json.loads(raycal(*arguments, "--json").stdout)
    assert found["metrics"]["ece"]["value"] == pytest.approx(0.5)
    assert found["group_mean"]["ece"]["value"] == pytest.approx(0.5)
    assert found["metrics"]["auroc"] == {"value": None, "reason": "every answer is correct"}
    table = in_process(*arguments, "--replicates", "0")
    assert table.exit_code == 0
    assert "mean over 2 groups" in table.stdout


@pytest.mark.ray
def test_results_come_as_table_json_csv_and_sql(raycal: Raycal, simulated_run: Run) -> None:
    store = ["--store", str(simulated_run.store.root)]
    rows = json.loads(raycal("results", *store, "--json").stdout)
    labels = {method.label for method in simulated_run.experiment.methods}
    assert {row["method"] for row in rows} == labels
    assert {row["run"] for row in rows} == {simulated_run.id}
    assert {row["method"] for row in csv.DictReader(io.StringIO(raycal("results", *store, "--csv").stdout))} == labels
    assert "zero_shot" in raycal("results", *store).stdout
    counted = json.loads(raycal("results", *store, "--json", "--sql", "SELECT count(*) AS n FROM answers").stdout)
    assert counted == [{"n": simulated_run.questions.questions}]
    assert raycal("results", *store, "--sql", "SELECT nonsense", check=False).returncode == 1
