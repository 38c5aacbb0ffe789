import pytest
from made_up_run import make_results

from raycal.report.results import RunResults


@pytest.fixture(scope="session")
def results() -> RunResults:
    """A run with seven methods."""
    return make_results()
