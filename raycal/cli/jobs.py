"""Entry points of the scripts under jobs/: their start, and the last line with the place of the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raycal.cli.errors import open_run
from raycal.cluster.connection import disconnect
from raycal.cluster.gc import raise_gc_threshold

if TYPE_CHECKING:
    from rich.console import Console

    from raycal.experiment.run import Run
    from raycal.store.store import Store

File = Annotated[Path, typer.Argument(help="The experiment, in YAML.")]


def main(script: Callable[..., None]) -> None:
    """Run a script's function on the command line's arguments; its tracebacks are plain, as a log wants them."""
    raise_gc_threshold()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(script)
    app()


@contextmanager
def job(file: Path, overrides: list[str] | None) -> Iterator[tuple[Run, Console]]:
    """An experiment's run and where to print, as `open_run` has them; at the end a line says where the results lie."""
    with open_run(file, overrides) as (run, console):
        warn_of_lost_results(run.store)
        yield run, console
        say_results(run.id, run.store)


def say_results(name: str, store: Store) -> None:
    """The job's last line."""
    disconnect()  # the cluster's workers have the log too, until then
    typer.echo(f"results: {name} in {store.root}")


def warn_of_lost_results(store: Store) -> None:
    """Say so where a cluster's job would write into the folder that Ray unpacked its code into."""
    is_here = isinstance(store.root, Path) and store.root.is_relative_to(Path.cwd())
    if is_here and "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:
        typer.echo(
            "raycal: storage lies in the job's own folder, which Ray deletes and each node has for itself: name a "
            "folder that all of them see, such as --set storage=/shared/results, or storage=s3://BUCKET/PREFIX",
            err=True,
        )
