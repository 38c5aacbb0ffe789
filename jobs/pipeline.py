"""All stages as `ray job submit` runs them: python jobs/pipeline.py FILE.yaml [--set KEY=VALUE] [--retry-errors]."""

from __future__ import annotations

from raycal.jobs import File, job, main
from raycal.options import Overrides, RetryErrors
from raycal.pipeline import run_all


def pipeline(file: File, overrides: Overrides = None, retry_errors: RetryErrors = False) -> None:
    """Run every stage; what the store has is reused."""
    with job(file, overrides) as (run, console):
        run_all(run, console, retry_errors=retry_errors)


if __name__ == "__main__":
    main(pipeline)
