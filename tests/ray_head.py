"""A head node of a cluster of its own, whatever other Rays there are on this machine."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Head:
    """Where a head is reached."""

    address: str  # of its job server
    gcs: str  # what RAY_ADDRESS is set to


@contextmanager
def head_of_its_own(options: Mapping[str, object], variables: Mapping[str, str]) -> Iterator[Head]:
    """Start `ray start --head` with ports and a folder of its own, and end all that it started."""
    port, client_port, agent_port = _free_ports(3)
    # A short name, for there is a limit to the paths of sockets.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        given = {
            "port": 0,
            "dashboard-port": port,
            "dashboard-host": "127.0.0.1",
            "ray-client-server-port": client_port,
            "dashboard-agent-listen-port": agent_port,  # the default one is another Ray's, and no job is taken then
            "min-worker-port": 0,
            "max-worker-port": 0,
            "temp-dir": folder,
            "object-store-memory": 100_000_000,
        } | dict(options)
        command = [PROGRAMS / "ray", "start", "--head", "--block", "--disable-usage-stats"]
        command += [f"--{name}={value}" for name, value in given.items()]
        environment = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"} | dict(variables)
        log = Path(folder) / "head.log"
        with log.open("w") as output:
            process = psutil.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for_start(process, log)
            (gcs,) = set(re.findall(r"ray start --address='(.*?)'", log.read_text()))
            yield Head(f"http://127.0.0.1:{port}", gcs)
        finally:
            _end(process)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_for_start(process: psutil.Popen, log: Path) -> None:
    while "Ray runtime started" not in log.read_text():
        assert process.poll() is None, log.read_text()
        time.sleep(0.2)


def _end(process: psutil.Popen) -> None:
    """End a process and all that it started."""
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=5)
    for one in left:
        one.kill()
    psutil.wait_procs(left, timeout=20)
