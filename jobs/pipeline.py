"""All stages as `ray job submit` runs them: python jobs/pipeline.py FILE.yaml [--set KEY=VALUE] [--retry-errors]."""

from __future__ import annotations

from raycal.api import run_all
from raycal.cli.jobs import File, job, main
from raycal.cli.options import Overrides, RetryErrors
from raycal.cli.render import print_metrics


def pipeline(file: File, overrides: Overrides = None, retry_errors: RetryErrors = False) -> None:
    """Run every stage; what the store has is reused."""
    with job(file, overrides) as (run, console):
        print_metrics(run_all(run, console, retry_errors=retry_errors), console)


if __name__ == "__main__":
    main(pipeline)
