"""What stores hold is found again by every later release."""

from __future__ import annotations

import json
from typing import Any

import pytest
from golden_ids import FILE, REWRITE, complaints, golden_ids

HINT = f"stored work would be orphaned: if that is meant, raise a version (docs/keys.md) and {REWRITE}"


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return golden_ids()


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text()))


@pytest.mark.parametrize("part", ["runs", "sweeps", "made_up"])
def test_ids_and_keys_are_those_of_earlier_releases(part: str, now: dict[str, Any], golden: dict[str, Any]) -> None:
    assert now[part] == golden[part], HINT


def test_a_default_changes_with_the_version_of_its_class_alone(now: dict[str, Any], golden: dict[str, Any]) -> None:
    assert complaints(golden["sections"], now["sections"]) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"version": 1, "defaults": {"k": 10}}, []),
        ({"version": 1, "defaults": {"k": 20}}, [f"the default of A.k changed: raise A.version and {REWRITE}"]),
        ({"version": 2, "defaults": {"k": 20}}, [f"A has another version, or other options, than before: {REWRITE}"]),
        (
            {"version": 1, "defaults": {"k": 10, "more": 0}},
            [f"A has another version, or other options, than before: {REWRITE}"],
        ),
    ],
)
def test_a_developer_is_told_what_to_do(after: dict[str, Any], said: list[str]) -> None:
    assert complaints({"A": {"version": 1, "defaults": {"k": 10}}}, {"A": after}) == said


def test_a_class_that_comes_or_goes_is_written_down() -> None:
    section = {"version": 1, "defaults": {"k": 10}}
    assert complaints({}, {"A": section}) == [f"A has another version, or other options, than before: {REWRITE}"]
    assert complaints({"A": section}, {}) == [f"there is no class A any more: {REWRITE}"]
