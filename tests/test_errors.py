"""One base for every error of raycal's own, so that a user can catch them all."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import raycal
from raycal.errors import RaycalError
from raycal.store.store import StoreError

PACKAGE = Path(raycal.__file__).parent


def test_every_error_has_the_base_and_one_that_others_catch_too() -> None:
    classes = [
        node
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.name != "RaycalError"
    ]
    assert len(classes) > 30
    bases = {node.name: [ast.unparse(base) for base in node.bases] for node in classes}
    ours = set(bases) | {"RaycalError"}
    assert {name: found for name, found in bases.items() if found[0] not in ours} == {}


def test_an_error_survives_the_way_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(StoreError("the store cannot be read")))  # noqa: S301
    assert isinstance(error, RaycalError)
    assert isinstance(error, ValueError)
    assert str(error) == "the store cannot be read"
