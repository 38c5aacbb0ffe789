"""Passwords in URLs and values of the environment: they are in no row, error or page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up_store import make_experiment, open_made_up, write_answers
from pydantic import ValidationError
from typer.testing import CliRunner

import raycal as rc
from raycal.cli.main import app
from raycal.config.engine import Endpoint, ModelConfig
from raycal.experiment.file import ExperimentError, read_experiment
from raycal.experiment.record import record_run
from raycal.questions.sources.file import QuestionFile
from raycal.store.locations import LocationError, location
from raycal.store.schemas import Table
from raycal.sweep.config import SweepConfig, read_sweep
from raycal.text.secrets import has_secret, redacted

SECRET = "s3cr3t"  # noqa: S105 - made up
HIDDEN = {
    "a database's password": ("postgresql://me:s3cr3t@host/db", "postgresql://***@host/db"),
    "one with a slash and a hash": ("postgresql://me:a/s3cr3t#b@host/db", "postgresql://***@host/db"),
    "one of digits": ("postgresql://me:123@host/db", "postgresql://***@host/db"),
    "one without a user": ("redis://:s3cr3t@host", "redis://***@host"),
    "with one slash": ("postgresql:/me:s3cr3t@host/db", "postgresql:/***@host/db"),
    "a token as the user": ("https://s3cr3t@host/x", "https://***@host/x"),
    "in capitals": ("HTTPS://s3cr3t@host/x", "HTTPS://***@host/x"),
    "a token in the query": ("https://host/x?a=1&token=s3cr3t&b=2", "https://host/x?a=1&token=***&b=2"),
    "two of them": ("https://host/?api_key=s3cr3t&sig=s3cr3t", "https://host/?api_key=***&sig=***"),
    "a signature": ("https://host/x?X-Amz-Signature=s3cr3t", "https://host/x?X-Amz-Signature=***"),
    "in a connection string": ("mssql+pyodbc:///?odbc_connect=UID%3Dme%3BPWD%3Ds3cr3t", "mssql+pyodbc://***"),
    "in a sentence": ("see postgresql://me:s3cr3t@host, and b@c", "see postgresql://***@host, and b@c"),
}
SHOWN = [
    "postgresql://me@host/db",
    "sqlite:////folder/a@b:c.db",
    "s3://bucket/prefix",
    "http://host:8080/path@v1",
    "http://[::1]:8080/x@y",
    "https://host/@user?author=me&next=1",
    "git+ssh://git@host/x",
    "C:/a:b@c",
    "Explain http://host: mail me@host",
    "x" * 200_000,
    "http://" + ":" * 20_000,
    "http://host/?" + "a-" * 20_000,
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN.values(), ids=HIDDEN)
def test_a_password_is_seen_and_hidden(text: str, shown: str) -> None:
    assert has_secret(text)
    assert redacted(text) == shown


@pytest.mark.parametrize("text", SHOWN, ids=lambda text: text[:20])
def test_what_has_no_password_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(("text", "_"), HIDDEN.values(), ids=HIDDEN)
def test_no_key_takes_one(text: str, _: str) -> None:
    for build in (
        lambda: ModelConfig(path=text),
        lambda: QuestionFile(source="file", path=Path(text)),
        lambda: SweepConfig(space=({"method": "zero_shot"},), study=text),
        lambda: SweepConfig(space=({"method": "zero_shot"},), mlflow=text),
        lambda: SweepConfig(space=({"method": "zero_shot", "name": [text]},)),
        lambda: rc.Experiment(name="some", model={"path": text}),
    ):
        with pytest.raises(ValidationError, match="has a password or token in it") as refused:
            build()
        assert not has_secret(str(refused.value))
        assert SECRET not in str(refused.value)


def test_what_is_wrong_for_another_reason_is_not_repeated_either() -> None:
    for methods in ([f"postgresql://me:{SECRET}@host"], [{"method": f"postgresql://me:{SECRET}@host"}]):
        with pytest.raises(ExperimentError) as refused:
            read_experiment(None, [f"methods={json.dumps(methods)}"])
        assert SECRET not in str(refused.value)
    with pytest.raises(ValidationError, match="write it as a mapping") as wrong:
        rc.Experiment(name="some", methods=(f"postgresql://me:{SECRET}@host",))
    assert SECRET not in str(wrong.value)


@pytest.mark.parametrize(
    "place", [f" s3://key:{SECRET}@bucket", f"'s3://key:{SECRET}@bucket'", f"here/postgresql://me:{SECRET}@host"]
)
def test_no_place_has_one(place: str) -> None:
    with pytest.raises(LocationError) as refused:
        location(place)
    assert SECRET not in str(refused.value)
    done = CliRunner().invoke(app, ["results", "--store", place])
    assert done.exit_code == 1
    assert SECRET not in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["metrics", f"https://me:{SECRET}@host/rows.csv"],
        ["grade", "--file", f"https://me:{SECRET}@host/rows.csv"],
        ["run", f"https://me:{SECRET}@host/some.yaml"],
        ["ask", "Who?", "--adapter", f"https://me:{SECRET}@host/adapter"],
        ["elicit", "--set", f"storage.deep=postgresql://me:{SECRET}@host"],
    ],
)
def test_no_error_repeats_one(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("raycal: ")
    assert SECRET not in done.output


def test_a_key_in_place_of_its_variable_is_refused() -> None:
    with pytest.raises(ValidationError, match="name the environment variable that has the key") as refused:
        Endpoint(base_url="http://host/v1", api_key_env=f"sk-{SECRET}")
    assert SECRET not in str(refused.value)


STORED = {
    "the model": ["model.path=${oc.env:A_TOKEN}"],
    "a part of it": ["model.path=folder/${oc.env:A_TOKEN}/model"],
    "the name": ["name=${oc.env:A_TOKEN}"],
    "an item of a list": ["questions=[{source: file, path: '${oc.env:A_TOKEN}'}]"],
    "with a default": ["model.path=${oc.env:A_TOKEN,other}"],
    "decoded": ["seed=${oc.decode:${oc.env:A_TOKEN}}"],
    "with spaces": ["model.path='${ oc.env :A_TOKEN}'"],
    "by way of the storage": ["storage=${oc.env:A_TOKEN}", "model.path=${storage}/model"],
    "selected": ["storage=${oc.env:A_TOKEN}", "model.path=${oc.select:storage}"],
}


@pytest.mark.parametrize("overrides", STORED.values(), ids=STORED)
def test_no_stored_key_takes_a_value_of_the_environment(overrides: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", SECRET)
    with pytest.raises(ExperimentError, match="is stored, and so takes no value from the environment") as refused:
        read_experiment(None, overrides)
    assert SECRET not in str(refused.value)


def test_a_storage_of_the_environment_is_in_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PLACE", str(tmp_path / SECRET))
    run = open_made_up(make_experiment(tmp_path), "storage=${oc.env:A_PLACE}")
    assert run.store.root == tmp_path / SECRET
    write_answers(run)
    record_run(run, {})
    rows = [row for table in Table for row in run.store.rows(f"SELECT * FROM {table}")]
    assert rows
    assert SECRET not in json.dumps(rows, default=str)


def test_a_sweeps_services_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_STUDY", "sqlite:///study.db")
    monkeypatch.setenv("A_SERVER", "http://host:5000")
    file = tmp_path / "sweep.yaml"
    file.write_text(
        "name: s\nsweep: {space: [{method: zero_shot}], study: '${oc.env:A_STUDY}', mlflow: '${oc.env:A_SERVER}'}"
    )
    sweep = read_sweep(file).sweep
    assert (sweep.study, sweep.mlflow) == ("sqlite:///study.db", "http://host:5000")


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        (["model.path=a ${name} b"], "a default b"),
        ([r"model.path=\${oc.env:HOME}"], "${oc.env:HOME}"),
        (["model.path=environment"], "environment"),
        (["storage=plain", "model.path=${storage}/model"], "plain/model"),
    ],
)
def test_other_references_and_texts_stay(overrides: list[str], path: str) -> None:
    assert read_experiment(None, overrides).model.path == path
