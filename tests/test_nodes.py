"""A cluster of several nodes: replicas on each, and one that is lost in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from process_engine import Echo, ProcessEngine, echoed, ray_of_its_own
from ray.cluster_utils import Cluster
from ray_head import head_of_its_own

from raycal.cluster import MACHINES
from raycal.config import EngineConfig, ModelConfig
from raycal.fanout import run_fanout
from raycal.store import Store

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


# An autoscaler that adds nodes on this machine. Ray's defaults for one are in no package, hence the empty keys.
GROWING = """
cluster_name: growing
max_workers: 2
upscaling_speed: 1.0
idle_timeout_minutes: 1
provider: {type: fake_multinode}
head_node_type: head
available_node_types:
  head: {resources: {CPU: 1}, node_config: {}, min_workers: 0}
  worker: {resources: {CPU: 1}, node_config: {}, min_workers: 0, max_workers: 2}
auth: {}
docker: {}
file_mounts: {}
cluster_synced_files: []
initialization_commands: []
setup_commands: []
head_setup_commands: []
worker_setup_commands: []
head_start_ray_commands: []
worker_start_ray_commands: []
"""


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


@pytest.fixture
def growing_cluster(tmp_path: Path) -> Iterator[None]:
    """A head without room for two engines, and Ray's autoscaler, which may add two nodes on this machine."""
    (tmp_path / "growing.yaml").write_text(GROWING)
    options = {"num-cpus": 1, "autoscaling-config": tmp_path / "growing.yaml"}
    variables = {"AUTOSCALER_UPDATE_INTERVAL_S": "1", "RAY_FAKE_CLUSTER": "1", "RAY_AUTH_MODE": "disabled"}
    with head_of_its_own(options, variables) as head, pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_ADDRESS", head.gcs)
        environment.setenv(MACHINES, "2x(1 CPU)")
        with ray_of_its_own():
            yield


@pytest.mark.usefixtures("growing_cluster")
def test_nodes_come_when_engines_ask_for_them(tmp_path: Path) -> None:
    config = EngineConfig(replicas=2, batch_size=2, batches_in_flight=2, start_timeout_s=120)
    assert len(ray.nodes()) == 1
    reports = run_fanout(
        echoed(["a", "b", "c"]), Echo(), ModelConfig(), config, Store(tmp_path), run_id="some", backend=ProcessEngine
    )
    assert sum(one.questions for one in reports) == 3
    assert len(ray.nodes()) == 3


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
            victim = cluster.list_all_nodes()[-1]
            cluster.remove_node(victim, allow_graceful=False)
            written = {path: path.stat().st_mtime_ns for path in store.root.glob("grades/*/*.parquet")}
    assert written
    assert done == len(texts)
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2
    assert {path: path.stat().st_mtime_ns for path in written} == written
    found = {row["key"]: row["reason"] for row in store.rows("SELECT * FROM grades")}
    assert found == {f"k{i}": text for i, text in enumerate(texts)}
