"""`raycal submit`: a job of raycal.cli.jobs runs on a cluster, and its log is followed here."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

import raycal
from raycal._compat.ray import quiet_job_client
from raycal.errors import RaycalError
from raycal.store.locations import location

JOBS = ("elicit", "grade", "finetune", "sweep", "evaluate", "report", "pipeline")

# The working folder and raycal travel with the job. Other packages are on the nodes, data and results on storage that
# all of them see.
EXCLUDES = (
    "/results",
    ".git",
    ".venv",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "*.egg-info",
    "/build",
    "/dist",
    "*.whl",
    "*.parquet",
    "*.safetensors",
    "*.gguf",
)
_INTERRUPTED = 130
_MODULE = "raycal.cli.jobs"


class SubmitError(RaycalError, ValueError):
    """The job cannot be submitted; the message says why."""


class JobError(RaycalError, RuntimeError):
    """The job ended badly before its script said why, or cannot be followed any more."""


def submit(name: str, file: Path, arguments: Sequence[str], address: str, *, stop_on_interrupt: bool) -> int:
    """Run a job on the cluster and print its log; returns its exit status.

    arguments: for the script, after the file. Raises SubmitError and JobError, and LocationError for no storage.
    """
    for argument in arguments:
        if argument.startswith("storage="):
            location(argument.removeprefix("storage="))  # whatever it says would stand in the job's command line
    command = entrypoint(name, file, arguments, Path.cwd())
    client = _connect(address)
    environment = runtime_environment(Path.cwd())
    try:
        job = _Job(client, client.submit_job(entrypoint=command, runtime_env=environment), address)
    except (OSError, RuntimeError) as error:
        raise SubmitError(f"{address} did not take the job: {error}") from error
    typer.echo(f"raycal: {job.id}: {command}", err=True)
    try:
        return job.follow()
    except KeyboardInterrupt:
        if stop_on_interrupt:
            job.stop()
            typer.echo(f"raycal: {job.id} is stopped; what it finished is in its store", err=True)
        else:
            typer.echo(f"raycal: {job.goes_on}", err=True)
        return _INTERRUPTED


def entrypoint(name: str, file: Path, arguments: Sequence[str], folder: Path) -> str:
    """The command that the cluster's shell runs in its copy of a folder. Raises SubmitError."""
    if name not in JOBS:
        raise SubmitError(f"there is no job {name}: there are {', '.join(JOBS)}")
    path = (folder / file).resolve()
    if not path.is_file():
        raise SubmitError(f"there is no experiment file {file}")
    if not path.is_relative_to(folder.resolve()):
        raise SubmitError(f"{file} is outside the working folder {folder}, which is what goes to the cluster")
    return shlex.join(["python", "-m", _MODULE, name, str(path.relative_to(folder.resolve())), *arguments])


def runtime_environment(folder: Path) -> dict[str, Any]:
    """What Ray sends to the cluster: a working folder, and this raycal where the folder has none of its own."""
    environment: dict[str, Any] = {"working_dir": str(folder), "excludes": list(EXCLUDES)}
    if not (folder / "raycal" / "__init__.py").is_file():
        environment["py_modules"] = [str(Path(raycal.__file__).parent)]
    return environment


def _connect(address: str) -> Any:
    if not address.startswith(("http://", "https://")):
        raise SubmitError(f"--address {address}: write the dashboard's address, such as http://HEAD:8265")
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # a cluster without tokens heeds none
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    quiet_job_client()
    os.environ["RAY_API_SERVER_ADDRESS"] = address  # the client prefers what the environment says to its argument
    try:
        return JobSubmissionClient(address)
    except AuthenticationError as error:
        raise SubmitError(f"{address} wants the cluster's token: put it into RAY_AUTH_TOKEN") from error
    except (OSError, RuntimeError) as error:
        raise SubmitError(f"there is no Ray cluster with a job server at {address}") from error


@dataclass(frozen=True)
class _Job:
    """A submitted job."""

    client: Any
    id: str
    address: str

    @property
    def goes_on(self) -> str:
        """What to do about a job that is not followed any more."""
        where = shlex.join(["--address", self.address, self.id])
        return f"{self.id} goes on: ray job logs --follow {where} shows it, ray job stop {where} ends it"

    def follow(self) -> int:
        """Print the log until the job ends; returns its exit status. Raises JobError."""
        with self._reached():
            asyncio.run(self._print_log())
            ended = self._end()
        if ended.status == "SUCCEEDED":
            return 0
        if ended.driver_exit_code is None:
            raise JobError(f"{self.id} is {ended.status.lower()}: {ended.message}")
        return ended.driver_exit_code or 1

    def stop(self) -> None:
        """Stop the job and wait until it has ended. Raises JobError."""
        with self._reached():
            self.client.stop_job(self.id)
            self._end()

    @contextmanager
    def _reached(self) -> Iterator[None]:
        from aiohttp import ClientError

        try:
            yield
        except (ClientError, OSError, RuntimeError) as error:
            raise JobError(f"the connection to {self.address} is lost ({error}); {self.goes_on}") from error

    async def _print_log(self) -> None:
        async for lines in self.client.tail_job_logs(self.id):
            typer.echo(lines, nl=False)

    def _end(self) -> Any:
        while not (found := self.client.get_job_info(self.id)).status.is_terminal():
            time.sleep(0.5)
        return found
