"""Placement of replicas and workers: checked against the machine or cluster before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raycal.config.engine import Device, EngineConfig
from raycal.config.trainer import TrainerConfig
from raycal.errors import RaycalError


class ResourceError(RaycalError, ValueError):
    """What was asked for cannot fit; the message says what is missing and what to change."""


@dataclass(frozen=True)
class Node:
    """What one machine of the cluster has in all."""

    cpus: float
    gpus: float = 0.0


@dataclass(frozen=True)
class ReplicaPlan:
    """The resources of each of the engine replicas."""

    replicas: int
    device: Device  # never auto
    cpus: float
    gpus: int
    threads: int  # for arithmetic on CPUs; a replica may use more of an otherwise idle machine than it reserves

    @property
    def each(self) -> str:
        """What a replica needs, in words."""
        return f"{self.cpus:g} CPU" + (f" and {self.gpus} GPU" if self.gpus else "")


@dataclass(frozen=True)
class WorkerPlan:
    """The resources of each of the training workers."""

    workers: int
    device: Device  # never auto
    cpus: float
    gpus: float
    threads: int  # as of ReplicaPlan


# Beside its engines a stage needs room for the tasks that read and pick questions, or it would wait for ever.
_READER_CPUS = 1.0


def plan_replicas(config: EngineConfig, nodes: Sequence[Node]) -> ReplicaPlan:
    """Place the replicas on the nodes, each whole on one node. Raises ResourceError where they cannot fit."""
    on_gpu = _on_gpu(config.device, nodes)
    if not on_gpu and config.tensor_parallel > 1:
        raise ResourceError(
            f"engine.tensor_parallel is {config.tensor_parallel}, but there is no GPU: set it to 1, or run on GPUs"
        )
    device, gpus = (Device.GPU, config.tensor_parallel) if on_gpu else (Device.CPU, 0)
    threads = _threads(config.replicas, config.cpus_per_replica, gpus, nodes)
    plan = ReplicaPlan(config.replicas, device, config.cpus_per_replica, gpus, threads)
    if (there := places(plan, nodes)) < plan.replicas:
        raise ResourceError(
            f"{plan.replicas} engine replicas of {plan.each} each were asked for, but only {there} fit on "
            f"{_said(nodes)}: lower engine.replicas"
            + (" or engine.tensor_parallel" if gpus > 1 else "")
            + ", or add nodes"
        )
    spare = sum(node.cpus for node in nodes) - config.replicas * config.cpus_per_replica
    if spare < _READER_CPUS:
        raise ResourceError(
            f"{config.replicas} engine replicas of {config.cpus_per_replica:g} CPU leave {max(spare, 0):g} CPU of "
            f"{_said(nodes)} for reading questions, which needs {_READER_CPUS:g}: lower engine.replicas or "
            "engine.cpus_per_replica"
        )
    return plan


def places(plan: ReplicaPlan, nodes: Sequence[Node]) -> int:
    """How many such replicas the nodes have a place for."""
    return sum(_places_on(node, plan.cpus, plan.gpus) for node in nodes)


def plan_workers(config: TrainerConfig, nodes: Sequence[Node]) -> WorkerPlan:
    """Place the training workers. Raises ResourceError where they cannot fit."""
    on_gpu = _on_gpu(config.device, nodes)
    gpus = config.gpus_per_worker if on_gpu else 0
    places = sum(_places_on(node, config.cpus_per_worker, gpus) for node in nodes)
    if places < config.workers:
        asked = f"{config.cpus_per_worker:g} CPU" + (f" and {gpus:g} GPU" if on_gpu else "")
        raise ResourceError(
            f"{config.workers} training workers of {asked} each were asked for, but only {places} fit on "
            f"{_said(nodes)}: lower trainer.workers, or add nodes"
        )
    return WorkerPlan(
        workers=config.workers,
        device=Device.GPU if on_gpu else Device.CPU,
        cpus=config.cpus_per_worker,
        gpus=gpus,
        threads=_threads(config.workers, config.cpus_per_worker, gpus, nodes),
    )


def _threads(count: int, cpus: float, gpus: float, nodes: Sequence[Node]) -> int:
    """The threads of each of some processes that reserve these resources; those on GPUs need one."""
    roomy = [node for node in nodes if _places_on(node, cpus, gpus)]
    if gpus or not roomy:
        return 1
    # Ray packs processes together: as many as fit share the CPUs of one node, whatever the others have.
    roomiest = max(roomy, key=lambda node: node.cpus)
    return max(1, int(roomiest.cpus / min(count, _places_on(roomiest, cpus, gpus))))


def _on_gpu(device: Device, nodes: Sequence[Node]) -> bool:
    return device is Device.GPU or (device is Device.AUTO and any(node.gpus >= 1 for node in nodes))


def _places_on(node: Node, cpus: float, gpus: float) -> int:
    by_cpu = int(node.cpus / cpus + 1e-9)
    return min(by_cpu, int(node.gpus / gpus + 1e-9)) if gpus else by_cpu


def _said(nodes: Sequence[Node]) -> str:
    cpus, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    where = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    return f"{where} with {cpus:g} CPU and {gpus:g} GPU in all"
