"""Errors as sentences, and the opening of experiments, for every command."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from raycal.cli.json_values import to_json
from raycal.errors import RaycalError, reason_of
from raycal.text.secrets import redacted
from raycal.text.visible import escaped_json, visible

if TYPE_CHECKING:
    from raycal.events import OnEvent
    from raycal.experiment.run import Run

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # which name no file where it was open already


@contextmanager
def open_run(file: Path | None, overrides: list[str] | None) -> Iterator[tuple[Run, OnEvent]]:
    """An experiment's run and what prints its events; errors are said as `user_errors` says them."""
    with user_errors():
        from raycal.cli.events import EventPrinter
        from raycal.experiment.file import read_experiment
        from raycal.experiment.run import Run

        experiment = read_experiment(file, overrides or [])
        with opening(experiment.name, file):
            run = Run.open(experiment)
        yield run, EventPrinter()


@contextmanager
def opening(name: str, file: Path | None) -> Iterator[None]:
    """Say on stderr, whose lines are nobody's data, that an experiment is being opened; a refusal names its file."""
    from raycal.cli.events import EventPrinter
    from raycal.cli.terminal import Terminal
    from raycal.stages.activity import activity

    with naming(file), activity(EventPrinter(Terminal(stderr=True)), name) as current:
        current.phase("reading the questions, finding the model")
        yield


@contextmanager
def naming(file: Path | None) -> Iterator[None]:
    """Name the experiment's file in front of what is wrong with it: ExperimentError for our errors about inputs."""
    from raycal.experiment.file import fault_of_file

    try:
        yield
    except RaycalError as error:
        if file is None or not isinstance(error, ValueError):
            raise
        raise fault_of_file(file, error) from error


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn what the user can mend into one sentence and exit status 1; any other exception keeps its traceback."""
    _log_to_stderr()
    try:
        yield
    except ValueError as error:
        _fail(error, error)
    except OSError as error:
        if error.filename is None and error.errno not in _DISK_ERRORS:  # Ray's time-outs, for instance
            raise
        _fail(f"{error.filename or 'a disk'} cannot be used: {reason_of(error)}", error)
    except RuntimeError as error:
        # Named so that the modules of Ray and vLLM need not be imported to say them.
        if type(error).__module__.startswith("raycal."):
            _fail(error, error)
        raise
    except KeyboardInterrupt:
        typer.echo("stopped; what was finished is in the store, run again to go on", err=True)
        raise typer.Exit(130) from None


def _log_to_stderr() -> None:
    from raycal.cli.terminal import LogFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def print_result(found: Any) -> None:
    """Print plain data as JSON, anything else as rich renders it."""
    from raycal.cli.terminal import Terminal

    if isinstance(found, dict | list):
        typer.echo(escaped_json(to_json(found)))
    else:
        Terminal().print(found)


def _fail(sentence: object, error: Exception) -> None:
    logging.getLogger(__name__).debug("traceback", exc_info=error)
    typer.echo(f"raycal: {visible(redacted(str(sentence)))}", err=True)
    raise typer.Exit(1) from error
