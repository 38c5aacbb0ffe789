"""What the tests of the question loaders share."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED_DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real question sets beside the project, where there is one."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("there is no folder of real question sets at ../shared/data")
    return _SHARED_DATA
