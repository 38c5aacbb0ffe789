"""Results of queries that JSON, or a table, cannot hold as they are: nothing of them is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from raycal.cli.main import app

HUGE = 2**128 - 1
QUERIES: list[tuple[str, str, list[Any]]] = [
    ("two columns of one name", "select 1 as ece, 2 as ece", [{"ece": 1, "ece_1": 2}]),
    ("and one of the new name", "select 1 as ece, 2 as ece, 3 as ece_1", [{"ece": 1, "ece_2": 2, "ece_1": 3}]),
    ("a sum", "select sum(x) as n from (values (1), (2)) t(x)", [{"n": 3}]),
    ("a sum of nothing", "select sum(n) as n from metrics", [{"n": None}]),
    ("a large sum", f"select sum({2**62}::bigint) as n from range(4)", [{"n": 2**64}]),
    ("a hugeint", f"select {2**127 - 1}::hugeint as n", [{"n": 2**127 - 1}]),
    ("the largest integer", f"select {HUGE}::uhugeint as n, 1 as n", [{"n": str(HUGE), "n_1": 1}]),
    ("one larger still", f'select {10**50}::bignum as "a ""b"""', [{'a "b"': str(10**50)}]),
    ("a decimal", "select 1.10::decimal(9, 2) as x", [{"x": 1.1}]),
    ("a long decimal", "select 12345678901234567890.12345::decimal(30, 5) as x", [{"x": "12345678901234567890.12345"}]),
    ("no numbers", "select 'nan'::double as x, '-inf'::double as y", [{"x": None, "y": None}]),
    (
        "no numbers within",
        "select [1.5, 'nan'::double] as x, {'y': 'inf'::float} as z",
        [{"x": [1.5, None], "z": {"y": None}}],
    ),
    ("a moment", "select timestamptz '2020-01-01 00:00:00+00' as t", [{"t": "2020-01-01 00:00:00+00:00"}]),
    ("bytes", "select 'ab'::blob as x", [{"x": "ab"}]),
    ("no rows", "select 1 as x where false", []),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def results(store: Path, query: str, *options: str) -> str:
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["results", "--store", str(store), "--sql", query, *options])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.parametrize(("query", "rows"), [row[1:] for row in QUERIES], ids=[row[0] for row in QUERIES])
def test_json_is_valid_and_loses_nothing(store: Path, query: str, rows: list[Any]) -> None:
    assert json.loads(results(store, query, "--json"), parse_constant=_no_constant) == rows


@pytest.mark.parametrize(("query", "rows"), [row[1:] for row in QUERIES], ids=[row[0] for row in QUERIES])
def test_a_table_and_csv_have_every_column(store: Path, query: str, rows: list[Any]) -> None:
    names = list(rows[0]) if rows else []
    table, text = results(store, query), results(store, query, "--csv")
    assert all(name in table for name in names)
    assert text.partition("\n")[0].count(",") == max(len(names) - 1, 0)


def test_a_table_shows_what_was_asked_for_beside_the_main_columns(store: Path) -> None:
    names = ["run", "dataset", "split", "method", "n", "ece", "auroc", "brier", "nll"]
    query = ", ".join(f'{number} as "{name}"' for number, name in enumerate(names))
    assert results(store, f"select {query}").split()[: len(names)] == names
