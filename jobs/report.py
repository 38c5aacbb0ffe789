"""The report as `ray job submit` runs it: python jobs/report.py FILE.yaml [--set KEY=VALUE]."""

from __future__ import annotations

from raycal.jobs import File, job, main
from raycal.options import Overrides
from raycal.pipeline import report_stage


def report(file: File, overrides: Overrides = None) -> None:
    """Write the figures and the HTML page of an experiment that was evaluated."""
    with job(file, overrides) as (run, console):
        report_stage(run, console)


if __name__ == "__main__":
    main(report)
