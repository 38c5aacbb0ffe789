"""Clusters of their own, whatever other Rays there are on this machine: a head, and further nodes."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from background import Background
from hosts import THIS, Host, network
from support import command_of

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

PROGRAMS = Path(sys.executable).parent
_TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105  (of the tests' own clusters)


@dataclass(frozen=True)
class Head:
    """Where a head is reached."""

    address: str  # of its job server
    gcs: str  # what RAY_ADDRESS is set to
    folder: Path  # Ray's own files


@contextmanager
def head_of_its_own(options: Mapping[str, object], host: Host = THIS) -> Iterator[Head]:
    """Start `ray start --head` with ports and a folder of its own, and end all that it started."""
    port, client_port, agent_port = free_ports(3)
    # A short name, for there is a limit to the paths of sockets.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        given = {
            "head": None,
            "port": 0,
            "dashboard-port": port,
            "dashboard-host": host.address,
            "ray-client-server-port": client_port,
            "dashboard-agent-listen-port": agent_port,  # the default one is another Ray's, and no job is taken then
            "temp-dir": folder,
        } | dict(options)
        with _node(given, host, folder / "head.log") as log:
            (gcs,) = set(re.findall(r"ray start --address='(.*?)'", log))
            yield Head(f"http://{host.address}:{port}", gcs, folder)


@contextmanager
def several_nodes() -> Iterator[tuple[Head, list[Path]]]:
    """A head and two more nodes of one CPU each, and the folder of Ray's files that each has for itself.

    They are separate processes with separate object stores and, where that can be, hosts with addresses of their own.
    """
    with network(3) as hosts, ExitStack() as stack:
        head = stack.enter_context(head_of_its_own({"num-cpus": 1}, hosts[0]))
        nodes = [stack.enter_context(_node_of(head, host)) for host in hosts[1:]]
        yield head, [head.folder, *nodes]


@contextmanager
def _node_of(head: Head, host: Host) -> Iterator[Path]:
    (agent_port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        given = {"address": head.gcs, "num-cpus": 1, "dashboard-agent-listen-port": agent_port, "temp-dir": folder}
        with _node(given, host, folder / "node.log"):
            yield folder


@contextmanager
def three_nodes(head_cpus: int, gpus: tuple[int, int] = (0, 0)) -> Iterator[Cluster]:
    """A head and two more of one CPU and these GPUs, for programs that join them by RAY_ADDRESS, theirs meanwhile."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # Else whatever else starts on this machine meanwhile would join this cluster.
        patch.setattr("ray._private.utils.write_ray_address", lambda *_: None)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": head_cpus, "include_dashboard": False})
        for address, its in zip(("127.0.0.2", "127.0.0.3"), gpus, strict=True):
            # Of nodes with one address Ray gives a driver any, and its own node cannot be lost.
            cluster.add_node(num_cpus=1, num_gpus=its, node_ip_address=address)
        cluster.wait_for_nodes()
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
        cluster.shutdown()


def lose_node(cluster: Cluster, title: str, command: Background) -> None:
    """End a node, but the head, at once, as soon as a command has a process of such a title on one."""

    def runs(node: Any) -> bool:
        (raylet,) = node.all_processes["raylet"]
        return any(title in command_of(child) for child in psutil.Process(raylet.process.pid).children())

    hosts = command.wait_until(lambda: [node for node in cluster.worker_nodes if runs(node)], every_s=0.1)
    cluster.remove_node(hosts[0], allow_graceful=False)


def nodes_of_engines_and_workers(folders: list[Path]) -> dict[str, list[str]]:
    """On which nodes the first stage had its engines, and trainings their workers, by the logs of both."""
    logs = [path for folder in folders for path in (folder / "session_latest" / "logs").rglob("*worker-*")]
    lines = [line for path in logs for line in path.read_text().splitlines()]
    started = [json.loads(line) for line in lines if '"event": "engine started"' in line]
    of_train = [path for path in logs if "train-sys-worker" in path.name]
    workers = [json.loads(path.read_text().splitlines()[0]) for path in of_train]
    return {
        "engines": sorted({one["node"] for one in started if one["stage"] == "answers"}),
        "workers": sorted({one["node_id"] for one in workers}),
    }


@contextmanager
def with_token() -> Iterator[None]:
    """Have the clusters that are started in the block ask for a token, and those who speak to them know it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_AUTH_TOKEN", _TOKEN)
        environment.delenv("RAY_ADDRESS", raising=False)
        yield


@contextmanager
def _node(options: Mapping[str, object], host: Host, log: Path) -> Iterator[str]:
    common = {"node-ip-address": host.address, "min-worker-port": 0, "max-worker-port": 0}
    given = common | {"object-store-memory": 100_000_000} | dict(options)
    command: list[object] = [PROGRAMS / "ray", "start", "--block", "--disable-usage-stats"]
    command += [f"--{name}" if value is None else f"--{name}={value}" for name, value in given.items()]
    environment = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "RAY_AUTH_MODE": "token"}
    if host.namespace:
        environment["GLOO_SOCKET_IFNAME"] = "eth0"  # the machine's own name leads out of the namespace
    with log.open("w") as output:
        process = psutil.Popen(host.command(command), env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        while "Ray runtime started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        yield log.read_text()
    finally:
        _end(process)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _end(process: psutil.Popen) -> None:
    """End a process and all that it started."""
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=5)
    for one in left:
        one.kill()
    psutil.wait_procs(left, timeout=20)
