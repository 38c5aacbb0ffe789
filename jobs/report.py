"""The report as `ray job submit` runs it: python jobs/report.py FILE.yaml [--set KEY=VALUE]."""

from __future__ import annotations

from raycal.api import report_stage
from raycal.cli.jobs import File, job, main
from raycal.cli.options import Overrides


def report(file: File, overrides: Overrides = None) -> None:
    """Write the figures and the HTML page of an experiment that was evaluated."""
    with job(file, overrides) as (run, console):
        report_stage(run, console)


if __name__ == "__main__":
    main(report)
