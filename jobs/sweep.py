"""A sweep as `ray job submit` runs it: python jobs/sweep.py FILE.yaml [--set KEY=VALUE] [--resume]."""

from __future__ import annotations

from rich.console import Console

from raycal.cli.errors import opening, user_errors
from raycal.cli.jobs import File, main, say_results, warn_of_lost_results
from raycal.cli.options import Overrides, Resume
from raycal.cli.render import print_metrics
from raycal.sweep.config import read_sweep
from raycal.sweep.final import finish_sweep
from raycal.sweep.runner import Sweep, run_sweep


def sweep(file: File, overrides: Overrides = None, resume: Resume = False) -> None:
    """Search methods and their options, and score what it found once on test."""
    with user_errors():
        console = Console()
        config = read_sweep(file, overrides or [])
        with opening(config.name):
            opened = Sweep.open(config)
        warn_of_lost_results(opened.run.store)
        run, rows = finish_sweep(opened, run_sweep(opened, console, resume=resume), console)
        print_metrics(rows, console)
        say_results(f"{run.id} of sweep {opened.id}", run.store)


if __name__ == "__main__":
    main(sweep)
