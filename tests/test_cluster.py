from __future__ import annotations

import os
import subprocess
import sys

import pytest
from background import PATIENCE_S
from clusters import free_ports

from raycal.cluster.connection import ClusterError, connect, nodes_to_come
from raycal.cluster.resources import Node, ResourceError


def test_what_is_there_already_is_not_to_come() -> None:
    there = [Node(0), Node(8, 1), Node(8, 1), Node(16)]
    assert nodes_to_come("3x(8 CPU, 1 GPU) 2x(8 CPU)", there) == [Node(8, 1), Node(8), Node(8)]
    assert nodes_to_come("1x(8 CPU, 1 GPU)", there) == []
    assert nodes_to_come("", there) == []


@pytest.mark.parametrize("machines", ["8 CPU", "2x(8 CPU", "2x(8 CPU, 1 GPU), 3x(4 CPU)", "-1x(8 CPU)"])
def test_what_cannot_be_read_is_one_sentence(machines: str) -> None:
    with pytest.raises(ResourceError, match=r"RAYCAL_MACHINES is .* and not of the form"):
        nodes_to_come(machines, [])


def test_an_address_at_which_nobody_listens_is_one_sentence_and_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(ClusterError, match=rf"answers at RAY_ADDRESS = 127.0.0.1:{port} \(connection refused\): start"):
        connect()


TIMED_OUT_STARTS = """
import os
import sys

import psutil

from raycal.cluster.connection import ClusterError, connect

patience = iter(sys.argv[1:])


def limit_start(event, arguments):
    if event == "subprocess.Popen" and "gcs_server" in str(arguments[0]):
        os.environ["RAY_gcs_server_port_wait_time_s"] = next(patience)


sys.addaudithook(limit_start)
try:
    print(len(connect()), "node")
except ClusterError as error:
    print(error)
print(*(process.name() for process in psutil.Process().children()))
"""


def start_with_patience(*seconds: int) -> list[str]:
    """Lines of a process that starts Ray and waits so long for its server in each attempt; fails at one more."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED_OUT_STARTS, *map(str, seconds)],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
    )
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.mark.ray
def test_a_start_of_ray_that_times_out_twice_is_one_sentence_and_leaves_nothing_behind() -> None:
    sentence, processes = start_with_patience(0, 0)
    assert sentence.startswith("Ray did not start on this machine in 2 attempts (Timed out waiting for file ")
    assert sentence.endswith("): free some of its processors and memory, and run again")
    assert not processes


@pytest.mark.ray
def test_a_start_of_ray_that_timed_out_is_tried_once_more() -> None:
    nodes, processes = start_with_patience(0, round(PATIENCE_S))
    assert nodes == "1 node"
    assert processes.split().count("gcs_server") == 1, "the first attempt's is left"
