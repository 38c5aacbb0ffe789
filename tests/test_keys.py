"""Keys tell parts apart, and names are fit for a path."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.store.keys import digest, digest_after, safe_name, safe_names


def test_a_digest_is_the_same_for_ever() -> None:
    # Stores hold keys: another hash would have every question asked again.
    assert digest("France", 5, 0.95) == "369448710a0829ae0f8aa9735eca4631"


@given(st.lists(st.text(min_size=1), min_size=2, max_size=4))
def test_parts_do_not_run_into_one_another(parts: list[str]) -> None:
    first, second, *rest = parts
    moved = (first + second[0], second[1:], *rest)
    assert len({digest(*parts), digest(*moved), digest("".join(parts)), digest(*parts, "")}) == 4


@given(st.lists(st.text()), st.lists(st.text() | st.integers()))
def test_parts_that_are_hashed_once_count_as_any(first: list[str], rest: list[str | int]) -> None:
    assert digest_after(tuple(first), *rest) == digest(*first, *rest)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("smollm2-135m-instruct", "smollm2-135m-instruct"),
        ("org/Model_7B.v1", "org-Model_7B.v1"),
        ("worldfacts (open)", "worldfacts-open"),
        ("../../etc", "etc"),
        ("東京", "unnamed"),
        ("..", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_names_in_paths(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text())
def test_any_name_is_one_visible_part_of_a_path(name: str) -> None:
    safe = safe_name(name)
    assert PurePosixPath(safe).parts == (safe,)
    assert re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?", safe)
    assert safe_name(safe) == safe


@given(st.lists(st.text(alphabet="ab 東/-"), unique=True))
def test_different_names_are_different_parts_of_paths(names: list[str]) -> None:
    safe = safe_names(names)
    assert len({*safe.values()}) == len(names)
    assert all(PurePosixPath(its).parts == (its,) for its in safe.values())
