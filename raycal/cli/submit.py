"""`raycal submit`: a job of raycal.cli.jobs runs on a cluster, and its log is followed here."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from argparse import ArgumentError, ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

import raycal
from raycal._compat.ray import quiet_job_client
from raycal.cli.working_folder import PRIVATE, WorkingFolder
from raycal.errors import RaycalError
from raycal.text.secrets import has_secret
from raycal.text.visible import visible

JOBS = ("elicit", "grade", "finetune", "sweep", "evaluate", "report", "pipeline")

_PRIVATE_SHOWN = 10
_INTERRUPTED = 130
_MODULE = "raycal.cli.jobs"


class SubmitError(RaycalError, ValueError):
    """The job cannot be submitted; the message says why."""


class JobError(RaycalError, RuntimeError):
    """The job ended badly before its script said why, or cannot be followed any more."""


def submit(name: str, file: Path, arguments: Sequence[str], address: str, *, stop_on_interrupt: bool) -> int:
    """Run a job on the cluster and print its log; returns its exit status.

    arguments: for the script, after the file. Raises SubmitError and JobError, ExperimentError for a file or options
    that the job would refuse, and WorkingFolderError.
    """
    command = entrypoint(name, file, arguments, Path.cwd())
    check_experiment(name, file, arguments)
    check_address(address)
    sent = WorkingFolder.of(Path.cwd())
    if _relative(file, Path.cwd()).as_posix() not in sent.files:
        raise SubmitError(f"{file} would not go to the cluster: git ignores it, or its name is that of a private file")
    client = _connect(address)
    job = _Job(client, _submitted(client, command, sent, address), address)
    typer.echo(f"raycal: {job.id}: {visible(command)}", err=True)
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
    if not (folder / file).is_file():
        raise SubmitError(f"there is no experiment file {file}")
    return shlex.join(["python", "-m", _MODULE, name, str(_relative(file, folder)), *arguments])


def _relative(file: Path, folder: Path) -> Path:
    path, root = (folder / file).resolve(), folder.resolve()
    if not path.is_relative_to(root):
        raise SubmitError(f"{file} is outside the working folder {folder}, which is what goes to the cluster")
    return path.relative_to(root)


def check_experiment(name: str, file: Path, arguments: Sequence[str]) -> None:
    """Read the experiment as the job will, but for values of the nodes' environment.

    What it refuses, a password in any key among it, is refused before anything leaves this machine. Raises
    ExperimentError and SubmitError.
    """
    from raycal.experiment.config import Experiment
    from raycal.experiment.file import load_config
    from raycal.sweep.config import SweepExperiment

    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--set", action="append", default=[])
    try:
        options, _ = parser.parse_known_args(arguments)
    except ArgumentError as error:
        raise SubmitError("--set: write it as --set KEY=VALUE") from error
    load_config(SweepExperiment if name == "sweep" else Experiment, file, options.set, elsewhere=True)


def check_address(address: str) -> None:
    """Raise SubmitError for what is no address of a job server, or has a password in it."""
    if has_secret(address) or has_secret(f"http://{address}"):
        raise SubmitError(
            "--address has a password or token in it: leave it out, and put the token into RAY_AUTH_TOKEN"
        )
    if not address.startswith(("http://", "https://")):
        raise SubmitError(f"--address {address}: write the dashboard's address, such as http://HEAD:8265")


def runtime_environment(sent: WorkingFolder, archive: Path) -> dict[str, Any]:
    """What Ray sends to the cluster: the working folder's archive, and this raycal where that has none of its own."""
    environment: dict[str, Any] = {"working_dir": str(archive)}
    if "raycal/__init__.py" not in sent.files:
        package = Path(raycal.__file__).parent
        environment |= {"py_modules": [str(package)], "excludes": ["__pycache__", *PRIVATE]}
    return environment


def _submitted(client: Any, command: str, sent: WorkingFolder, address: str) -> str:
    """The id of the job, whose working folder is packed and sent."""
    if sent.private:
        typer.echo(f"raycal: stay here as private: {visible(', '.join(sent.private[:_PRIVATE_SHOWN]))}", err=True)
    typer.echo(f"raycal: {len(sent.files)} files of {Path.cwd()} go along, {sent.size / 1e6:,.1f} MB", err=True)
    with TemporaryDirectory(prefix="raycal-submit-") as aside:
        archive = Path(aside) / "folder.zip"
        sent.write(archive)
        try:
            job: str = client.submit_job(entrypoint=command, runtime_env=runtime_environment(sent, archive))
        except (OSError, RuntimeError) as error:
            raise SubmitError(f"{address} did not take the job: {error}") from error
    return job


def _connect(address: str) -> Any:
    if os.environ.get("RAY_AUTH_MODE", "token") == "token":
        # A cluster without tokens heeds none. Without any here, the client would not even ask the server.
        os.environ["RAY_AUTH_MODE"] = "token" if _has_token() else "disabled"
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


def _has_token() -> bool:
    """Whether there is a token where Ray looks for one."""
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    return bool(named) or (Path.home() / ".ray" / "auth_token").is_file()


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
            # A bar of progress goes back to the start of its line: here each of its states has one.
            typer.echo(visible(lines.replace("\r\n", "\n").replace("\r", "\n"), colors=True), nl=False)

    def _end(self) -> Any:
        while not (info := self.client.get_job_info(self.id)).status.is_terminal():
            time.sleep(0.5)
        return info
