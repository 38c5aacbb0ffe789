"""The question sets that tests read: ours, and the public ones in the same form where they lie beside the clone."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import REPOSITORY

OURS = Path(__file__).parent / "data" / "questions"
PUBLIC = REPOSITORY.parent / "shared" / "data"

NEEDS_PUBLIC = pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public question sets are not at ../shared/data")


def for_each_set(ours: object, public: object) -> pytest.MarkDecorator:
    """Run a test on our sets and on the public ones: `data` is their folder, `expected` what a set comes to."""
    cases = [
        pytest.param(OURS, ours, id="ours"),
        pytest.param(PUBLIC, public, id="public", marks=NEEDS_PUBLIC),
    ]
    return pytest.mark.parametrize(("data", "expected"), cases)
