"""A cluster of several nodes: replicas on each, and one that is lost in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from process_engine import Echo, ProcessEngine, echoed, ray_of_its_own
from ray.cluster_utils import Cluster

from raycal.config import EngineConfig, ModelConfig
from raycal.fanout import run_fanout
from raycal.store import Store

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head and two more: separate raylets with separate object stores."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_ADDRESS", cluster.address)
        with ray_of_its_own():
            yield cluster
    cluster.shutdown()


def test_a_lost_node_costs_nothing_that_was_done_and_its_questions_are_asked_elsewhere(
    cluster: Cluster, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    texts = [f"text {i}" for i in range(120)]
    config = EngineConfig(replicas=2, batch_size=2, batches_in_flight=2)
    written: dict[Path, int] = {}
    done = 0
    for report in run_fanout(echoed(texts), Echo(), ModelConfig(), config, store, run_id="some", backend=ProcessEngine):
        done += report.questions
        if not written and done >= 20:
            at_work = {row["extracted"] for row in store.rows("SELECT extracted FROM grades")}
            victim = next(node for node in cluster.worker_nodes if node.node_id in at_work)
            cluster.remove_node(victim, allow_graceful=False)
            written = {path: path.stat().st_mtime_ns for path in store.root.glob("grades/*/*.parquet")}
    assert written
    assert done == len(texts)
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2
    assert {path: path.stat().st_mtime_ns for path in written} == written
    found = {row["key"]: row["reason"] for row in store.rows("SELECT * FROM grades")}
    assert found == {f"k{i}": text for i, text in enumerate(texts)}
