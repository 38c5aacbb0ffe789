"""A cluster of several nodes: replicas on each, and one that is lost in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from clusters import lose_node, three_nodes
from echo import Echo, echoed, echoing, ray_of_its_own
from ray.cluster_utils import Cluster
from ray.data import DataContext
from sweeping import copied, opened, start, sweep_file, trials

from raycal.config.engine import Device, Dtype, EngineConfig
from raycal.experiment.run import Run
from raycal.inference.runner import RunnerError, run_tasks
from raycal.store.locations import Location
from raycal.store.store import Store
from raycal.testing import SimulatedEngine

pytestmark = [pytest.mark.ray, pytest.mark.cluster]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with three_nodes(head_cpus=2) as cluster:
        yield cluster


@pytest.fixture
def of_its_own(cluster: Cluster) -> Iterator[None]:
    with ray_of_its_own():
        yield


@pytest.mark.usefixtures("of_its_own")
def test_a_lost_node_costs_nothing_that_was_done_and_its_questions_are_asked_elsewhere(
    cluster: Cluster, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    texts = [f"text {i}" for i in range(64)]
    model = echoing(tmp_path / "model", texts, latency_s=1)
    config = EngineConfig(replicas=2, batch_size=2, batches_in_flight=2)
    written: dict[Location, int] = {}
    done, incidents = 0, set[str]()
    for report in run_tasks(echoed(texts), Echo(), model, config, store, run_id="some", backend=SimulatedEngine):
        done += report.questions
        incidents.update(report.incidents)
        if not written and done >= 20:
            at_work = {row["extracted"] for row in store.rows("SELECT extracted FROM grades")}
            victim = next(node for node in cluster.worker_nodes if node.node_id in at_work)
            cluster.remove_node(victim, allow_graceful=False)
            written = {path: path.stat().st_mtime_ns for path in store.root.glob("grades/*/*.parquet")}
    assert written
    assert done == len(texts)
    assert any("a replica was lost" in said for said in incidents)
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2
    assert {path: path.stat().st_mtime_ns for path in written} == written
    found = {row["key"]: row["reason"] for row in store.rows("SELECT * FROM grades")}
    assert found == {f"k{i}": text for i, text in enumerate(texts)}


def test_a_replica_whose_node_is_lost_is_not_waited_for_where_no_other_node_has_a_place(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    texts = [f"text {i}" for i in range(32)]
    model = echoing(tmp_path / "model", texts, latency_s=1)
    config = EngineConfig(device=Device.GPU, dtype=Dtype.FLOAT32, batch_size=2, batches_in_flight=2, start_timeout_s=10)
    with three_nodes(head_cpus=1, gpus=(1, 0)) as cluster, ray_of_its_own():
        reports = run_tasks(echoed(texts), Echo(), model, config, store, run_id="some", backend=SimulatedEngine)
        next(report for report in reports if report.questions)
        (at_work,) = {row["extracted"] for row in store.rows("SELECT extracted FROM grades")}
        victim = next(node for node in cluster.worker_nodes if node.node_id == at_work)
        cluster.remove_node(victim, allow_graceful=False)
        with pytest.raises(RunnerError, match="none that is left has a place for a replica of 1 CPU and 1 GPU"):
            list(reports)
    assert DataContext.get_current().custom_execution_callback_classes == []  # datasets of others are not watched
    answered = {row["key"] for row in store.rows("SELECT key FROM grades")}
    assert 0 < len(answered) < len(texts)


def test_a_sweep_that_loses_a_node_runs_again_what_ran_there(
    cluster: Cluster, simulated_run: Run, simulated_file: Path, tmp_path: Path
) -> None:
    store = copied(simulated_run, tmp_path)
    # The first trial of a process takes seconds, for it loads the model that embeds.
    space = "\n  - {method: sampling, k: {low: 2, high: 4}, equivalence: embedding}\n"
    path = sweep_file(simulated_file, tmp_path, space, trials=8, concurrency=4, sampler="random")
    sweep = opened(path, store)
    with start(path, store) as sweeping:
        lose_node(cluster, "ray::ImplicitFunc.train", sweeping)
        said = sweeping.finish()
    assert "its process was lost, it is run again later" in said
    assert [row["state"] for row in trials(sweep).values()] == ["finished"] * 8
