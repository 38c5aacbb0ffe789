"""The Ray cluster that a stage runs on: the one there is, or this machine; and what its workers' failures say."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from raycal.cluster.precision import C, Processor, depends_on_processor, this_processor, with_native_dtype
from raycal.cluster.resources import Node, ResourceError
from raycal.config.engine import Device
from raycal.errors import RaycalError, reason_of
from raycal.text.normalize import last_line

MACHINES = "RAYCAL_MACHINES"
_ANSWER_S = 20.0
_START_S, _MOST_STARTS = 90, 2
_ON_THIS_MACHINE = {
    # Ray's workers have niceness 15, and its daemons, which wake a hundred times a second, would go before them.
    "RAY_worker_niceness": "0",
    # Nobody takes this machine back with notice, and to watch for that is a process more for each training.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # How long Ray waits for its own parts: for most of them 10 to 60 seconds, which a busy machine needs to load them.
    "RAY_gcs_server_port_wait_time_s": str(_START_S),
    "RAY_raylet_start_wait_time_s": str(_START_S),
    "RAY_agent_register_timeout_ms": str(_START_S * 1000),
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": str(_START_S),
}
_SLIVER = 0.001  # of a GPU: enough to be placed where there is one
_KIND = re.compile(r"(\d+)x\((\d+) CPU(?:, (\d+) GPU)?\)")


class ClusterError(RaycalError, RuntimeError):
    """No cluster is reached; the message says where it was looked for."""


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Ray's core announces its log level on the file descriptor itself; what goes wrong is raised."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def connect(*, dashboard: bool = False) -> list[Node]:
    """Connect to the cluster of RAY_ADDRESS, or start Ray on this machine; returns its nodes, and those to come.

    Ray's autoscaler tells nobody what it may add: a cluster that grows says so in RAYCAL_MACHINES, see `nodes_to_come`.

    dashboard: whether Ray must be able to say which of its actors are alive. A cluster always is; on this machine it
    costs some seconds, and is there only where the first call asked for it.

    Raises ClusterError.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # What Ray's C++ core says on stderr is about its own retries; what fails for good comes back as an exception.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        for name, value in _ON_THIS_MACHINE.items():
            os.environ.setdefault(name, value)
    import ray

    if not ray.is_initialized():
        if address:
            _join(address)
        else:
            _start(dashboard=dashboard)
    there = [
        Node(cpus=node["Resources"].get("CPU", 0.0), gpus=node["Resources"].get("GPU", 0.0))
        for node in ray.nodes()
        if node["Alive"]
    ]
    return there + nodes_to_come(os.environ.get(MACHINES, ""), there)


def _join(address: str) -> None:
    """Raises ClusterError."""
    _check_answers(address)
    try:
        _init(address=address)
    except ConnectionError as error:
        raise ClusterError(_why_not_joined(address, error)) from error


def _start(*, dashboard: bool) -> None:
    """Start Ray on this machine. A start that fails is tried once more: the second finds Ray's files in memory.

    Raises ClusterError.
    """
    for attempts_left in reversed(range(_MOST_STARTS)):
        try:
            with _ending_processes_of_a_failure():
                _init(include_dashboard=dashboard, **(_dashboard_address() if dashboard else {}))
        except Exception as error:  # Ray raises a bare one where its node timed out
            if not attempts_left:
                reason, *_ = last_line(str(error)).split(". ")
                raise ClusterError(
                    f"Ray did not start on this machine in {_MOST_STARTS} attempts ({reason.rstrip('.')}): free some "
                    "of its processors and memory, and run again"
                ) from error
        else:
            return


@contextmanager
def _ending_processes_of_a_failure() -> Iterator[None]:
    """Where the block raises, end what it started: Ray itself forgets the processes of a node that did not come up."""
    import psutil
    import ray

    this_process = psutil.Process()
    before = this_process.children(recursive=True)
    try:
        yield
    except Exception:
        ray.shutdown()
        for process in set(this_process.children(recursive=True)).difference(before):
            with suppress(psutil.NoSuchProcess):  # some end with their parent
                process.kill()
                process.wait()
        raise


def _init(**options: Any) -> None:
    import ray

    with _without_stderr():
        # The workers' logs stay in Ray's own folder: what they say to a person comes back as an error.
        ray.init(logging_level=logging.ERROR, log_to_driver=False, **options)


def _dashboard_address() -> dict[str, Any]:
    port = _free_port()
    # Actors that ask would not know which Ray of this machine is theirs.
    os.environ["RAY_API_SERVER_ADDRESS"] = f"http://127.0.0.1:{port}"
    return {"dashboard_port": port}


def _check_answers(address: str) -> None:
    """Raise ClusterError where nobody listens at a host and port: Ray would try again for 20 minutes."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or "/" in host:
        return  # "auto" and the like, which Ray looks up
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise ClusterError(
            f"no Ray cluster answers at RAY_ADDRESS = {address} ({reason_of(error)}): start it, "
            "or mend or unset the variable"
        ) from error


def _why_not_joined(address: str, error: ConnectionError) -> str:
    if "InvalidAuthToken" in str(error.__cause__):
        return (
            f"the cluster at {address} wants its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN unless "
            "~/.ray/auth_token holds it"
        )
    return f"no Ray cluster is found by RAY_ADDRESS = {address} ({last_line(str(error))})"


def nodes_to_come(machines: str, there: Sequence[Node]) -> list[Node]:
    """The nodes that an autoscaling cluster would add, beside those that are there.

    machines: how many there may be of which kind, as in "8x(8 CPU, 1 GPU) 4x(8 CPU)". Raises ResourceError.
    """
    kinds = _KIND.findall(machines)
    if _KIND.sub("", machines).strip():
        raise ResourceError(f"{MACHINES} is {machines!r}, and not of the form '8x(8 CPU, 1 GPU) 4x(8 CPU)'")
    most = Counter[Node]()
    for count, cpus, gpus in kinds:
        most[Node(float(cpus), float(gpus or 0))] += int(count)
    return list((most - Counter(there)).elements())


def in_native_dtype(config: C, device: Device, within_s: float) -> C:
    """A configuration with its dtype decided by the processor of a node that has the device.

    One node decides for all, so that replicas compute alike whatever their number. Raises ClusterError where no node
    has answered within `within_s` seconds, or its torch does not know the device.
    """
    if not depends_on_processor(config.dtype):
        return config
    return with_native_dtype(config, _processor(device, within_s))


@cache
def _processor(device: Device, within_s: float) -> Processor:
    import ray
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    ask = ray.remote(
        num_cpus=0,
        num_gpus=_SLIVER if device is Device.GPU else 0,
        max_calls=1,  # its process would keep the GPU's context
        # What a sweep's trial has reserved has no room for another task.
        scheduling_strategy=PlacementGroupSchedulingStrategy(placement_group=None),
    )(this_processor)
    try:
        processor: Processor = ray.get(ask.remote(device), timeout=within_s)
    except ray.exceptions.GetTimeoutError as error:
        raise ClusterError(f"no node with a {device.upper()} was there within {within_s:g} seconds") from error
    except ray.exceptions.RayTaskError as error:
        raise ClusterError(
            f"a node cannot tell what its {device.upper()} computes natively ({root_cause(error)}): set engine.dtype "
            "and trainer.dtype"
        ) from error
    return processor


def disconnect() -> None:
    """Leave the cluster, if one was joined: nothing that its workers say is printed any more."""
    if (ray := sys.modules.get("ray")) is not None:  # importing it takes seconds
        ray.shutdown()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def root_cause(error: BaseException) -> str:
    """The message of the exception that was raised in a worker, out of Ray's text around it."""
    for text in (str(getattr(error, "cause", "")), str(error)):
        raised = re.findall(r"^((?:\w+\.)*\w+(?:Error|Exception)): (.+)$", text, re.MULTILINE)
        told = [message if name.startswith("raycal.") else f"{name}: {message}" for name, message in raised]
        told = [one for one in told if "UserCodeException" not in one]
        if told:
            return told[-1]
    return str(error).strip().splitlines()[-1]
