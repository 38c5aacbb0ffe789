"""Grading as `ray job submit` runs it: python jobs/grade.py FILE.yaml [--set KEY=VALUE]."""

from __future__ import annotations

from raycal.cli.jobs import File, job, main
from raycal.cli.options import Overrides
from raycal.stages.pipeline import grade_stage


def grade(file: File, overrides: Overrides = None) -> None:
    """Grade the answers."""
    with job(file, overrides) as (run, console):
        grade_stage(run, console)


if __name__ == "__main__":
    main(grade)
