from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.cluster.resources import Node, ResourceError, plan_replicas, plan_workers
from raycal.config.engine import Device, EngineConfig
from raycal.config.trainer import TrainerConfig


def test_a_laptop_gets_one_replica_on_its_cpu() -> None:
    plan = plan_replicas(EngineConfig(), [Node(cpus=2)])
    assert (plan.replicas, plan.device, plan.cpus, plan.gpus) == (1, Device.CPU, 1, 0)


def test_auto_takes_gpus_where_there_are_any_and_cpu_can_be_asked_for() -> None:
    nodes = [Node(cpus=16, gpus=4)]
    assert plan_replicas(EngineConfig(replicas=2, tensor_parallel=2), nodes).gpus == 2
    assert plan_replicas(EngineConfig(device=Device.CPU), nodes).device is Device.CPU


@pytest.mark.parametrize(
    ("config", "nodes", "message"),
    [
        (EngineConfig(replicas=3), [Node(cpus=2)], "only 2 fit on 1 node with 2 CPU"),
        (EngineConfig(replicas=2), [Node(cpus=2)], "leave 0 CPU"),
        (EngineConfig(), [Node(cpus=1)], "leave 0 CPU"),
        (EngineConfig(device=Device.GPU), [Node(cpus=8)], "only 0 fit"),
        (EngineConfig(tensor_parallel=2), [Node(cpus=8)], "there is no GPU"),
        # Four GPUs in all, but no node holds a replica of three.
        (EngineConfig(tensor_parallel=3), [Node(cpus=8, gpus=2), Node(cpus=8, gpus=2)], "only 0 fit on 2 nodes"),
        (EngineConfig(replicas=3), [Node(cpus=8, gpus=2)], "only 2 fit"),
        (EngineConfig(), [], "only 0 fit"),
    ],
)
def test_what_cannot_fit_is_one_sentence(config: EngineConfig, nodes: list[Node], message: str) -> None:
    with pytest.raises(ResourceError, match=message) as raised:
        plan_replicas(config, nodes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("workers", "nodes", "threads"),
    [
        (1, [Node(cpus=8)] * 4, 8),
        (2, [Node(cpus=8)] * 4, 4),  # both on one node
        (3, [Node(cpus=1)] * 4, 1),
        (2, [Node(cpus=0.5), Node(cpus=8)], 4),
        (4, [Node(cpus=2)] * 2, 1),
    ],
)
def test_workers_have_no_more_threads_than_their_node_has_cpus(workers: int, nodes: list[Node], threads: int) -> None:
    assert plan_workers(TrainerConfig(workers=workers), nodes).threads == threads


def test_replicas_on_cpus_share_those_of_their_node_as_threads() -> None:
    assert plan_replicas(EngineConfig(), [Node(cpus=2)]).threads == 2
    assert plan_replicas(EngineConfig(replicas=2), [Node(cpus=8), Node(cpus=4)]).threads == 4
    assert plan_replicas(EngineConfig(), [Node(cpus=8, gpus=1)]).threads == 1


@given(
    replicas=st.integers(1, 20),
    tensor_parallel=st.integers(1, 8),
    nodes=st.lists(st.builds(Node, cpus=st.integers(0, 64), gpus=st.integers(0, 8)), max_size=6),
)
def test_a_plan_never_takes_more_than_there_is(replicas: int, tensor_parallel: int, nodes: list[Node]) -> None:
    config = EngineConfig(replicas=replicas, tensor_parallel=tensor_parallel)
    try:
        plan = plan_replicas(config, nodes)
    except ResourceError:
        return
    assert plan.replicas * plan.cpus + 1 <= sum(node.cpus for node in nodes)
    assert plan.replicas * plan.gpus <= sum(node.gpus for node in nodes)
