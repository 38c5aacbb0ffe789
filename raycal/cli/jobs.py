"""Stages as a cluster's job server runs them: `python -m raycal.cli.jobs pipeline FILE.yaml --set storage=...`.

A job is its command of the command line, for a log instead of a terminal: tracebacks are plain, and the last line says
where the results lie.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycal.cli.errors import open_run, opening, user_errors
from raycal.cli.options import Overrides, Resume, RetryErrors
from raycal.cluster.connection import disconnect
from raycal.cluster.gc import raise_gc_threshold

if TYPE_CHECKING:
    from raycal.events import OnEvent
    from raycal.experiment.run import Run
    from raycal.store.store import Store

File = Annotated[Path, typer.Argument(help="The experiment, in YAML.")]
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def elicit(file: File, overrides: Overrides = None, retry_errors: RetryErrors = False) -> None:
    """Ask the questions: answers, samples and stated confidences."""
    from raycal.stages.pipeline import elicit_stage

    with _job(file, overrides) as (run, on_event):
        elicit_stage(run, on_event, retry_errors=retry_errors)


@app.command()
def grade(file: File, overrides: Overrides = None) -> None:
    """Grade the answers."""
    from raycal.stages.pipeline import grade_stage

    with _job(file, overrides) as (run, on_event):
        grade_stage(run, on_event)


@app.command()
def finetune(file: File, overrides: Overrides = None) -> None:
    """Train the adapters that the methods need, and ask the tuned models."""
    from raycal.stages.pipeline import finetune_stage

    with _job(file, overrides) as (run, on_event):
        finetune_stage(run, on_event)


@app.command()
def sweep(file: File, overrides: Overrides = None, resume: Resume = False) -> None:
    """Search methods and their options, and score what it found once on test."""
    from raycal.cli.events import EventPrinter
    from raycal.cli.render import print_metrics
    from raycal.sweep.config import read_sweep
    from raycal.sweep.final import finish_sweep
    from raycal.sweep.runner import Sweep, run_sweep

    with user_errors():
        on_event = EventPrinter()
        config = read_sweep(file, overrides or [])
        with opening(config.name, file):
            opened = Sweep.open(config)
        _warn_of_lost_results(opened.run.store)
        run, rows = finish_sweep(opened, run_sweep(opened, on_event, resume=resume), on_event)
        print_metrics(rows)
        _say_results(f"{run.id} of sweep {opened.id}", run.store)


@app.command()
def evaluate(file: File, overrides: Overrides = None) -> None:
    """Give every answer a confidence by every method, and compute their metrics."""
    from raycal.cli.render import print_metrics
    from raycal.stages.pipeline import evaluate_stage, features_stage, score_stage

    with _job(file, overrides) as (run, on_event):
        features_stage(run, on_event)
        score_stage(run, on_event)
        print_metrics(evaluate_stage(run, on_event))


@app.command()
def report(file: File, overrides: Overrides = None) -> None:
    """Write the figures and the HTML page of an experiment that was evaluated."""
    from raycal.api import report_stage

    with _job(file, overrides) as (run, on_event):
        report_stage(run, on_event)


@app.command()
def pipeline(file: File, overrides: Overrides = None, retry_errors: RetryErrors = False) -> None:
    """Run every stage; what the store has is reused."""
    from raycal.api import run_all
    from raycal.cli.render import print_metrics

    with _job(file, overrides) as (run, on_event):
        print_metrics(run_all(run, on_event, retry_errors=retry_errors))


@contextmanager
def _job(file: Path, overrides: list[str] | None) -> Iterator[tuple[Run, OnEvent]]:
    """What `open_run` has, and at the end a line that says where the results lie."""
    with open_run(file, overrides) as (run, on_event):
        _warn_of_lost_results(run.store)
        yield run, on_event
        _say_results(run.id, run.store)


def _say_results(name: str, store: Store) -> None:
    disconnect()  # the cluster's workers have the log too, until then
    typer.echo(f"results: {name} in {store.root}")


def _warn_of_lost_results(store: Store) -> None:
    """Say so where a cluster's job would write into the folder that Ray unpacked its code into."""
    is_here = isinstance(store.root, Path) and store.root.is_relative_to(Path.cwd())
    if is_here and "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:
        typer.echo(
            "raycal: storage lies in the job's own folder, which Ray deletes and each node has for itself: name a "
            "folder that all of them see, such as --set storage=/shared/results, or storage=s3://BUCKET/PREFIX",
            err=True,
        )


if __name__ == "__main__":
    raise_gc_threshold()
    app()
