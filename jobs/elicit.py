"""Sampling at scale as `ray job submit` runs it: python jobs/elicit.py FILE.yaml [--set KEY=VALUE] [--retry-errors]."""

from __future__ import annotations

from raycal.cli.jobs import File, job, main
from raycal.cli.options import Overrides, RetryErrors
from raycal.stages.pipeline import elicit_stage


def elicit(file: File, overrides: Overrides = None, retry_errors: RetryErrors = False) -> None:
    """Ask the questions: answers, samples and stated confidences."""
    with job(file, overrides) as (run, console):
        elicit_stage(run, console, retry_errors=retry_errors)


if __name__ == "__main__":
    main(elicit)
