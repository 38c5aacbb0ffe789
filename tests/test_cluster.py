from __future__ import annotations

import pytest
from clusters import free_ports

from raycal.cluster import ClusterError, connect, nodes_to_come
from raycal.resources import Node, ResourceError


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
