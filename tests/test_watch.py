"""What those see who watch a cluster: Ray's metrics, the replicas' logs, and the dashboard for them."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path

import pytest
from process_engine import Echo, ProcessEngine, echoed, ray_of_its_own

from raycal.config import EngineConfig, ModelConfig
from raycal.fanout import run_fanout
from raycal.store import Store
from raycal.watch import COUNTERS

DASHBOARD = Path(__file__).parents[1] / "docs/grafana/raycal.json"


def scraped(port: int) -> dict[str, tuple[str, float]]:
    """Labels and value of raycal's metrics, as Prometheus reads them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        text = page.read().decode()
    found = re.findall(r"^(ray_raycal_\w+)\{(.*)\} (\S+)$", text, re.MULTILINE)
    return {name: (labels, float(value)) for name, labels, value in found}


@pytest.mark.engine
def test_replicas_count_for_prometheus_and_log_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_metrics_report_interval_ms", "500")
    texts = ["fail" if i == 3 else f"text {i}" for i in range(40)]
    seen: dict[str, tuple[str, float]] = {}
    with ray_of_its_own():
        config = EngineConfig(batch_size=2, batches_in_flight=1)
        for _ in run_fanout(
            echoed(texts), Echo(), ModelConfig(), config, Store(tmp_path), run_id="some-1", backend=ProcessEngine
        ):
            import ray

            time.sleep(0.3)
            (node,) = ray.nodes()
            seen |= scraped(node["MetricsExportPort"])
        session = Path(ray._private.worker.global_worker.node.get_session_dir_path())
        lines = [line for log in (session / "logs").glob("worker-*.err") for line in log.read_text().splitlines()]
    labels, questions = seen["ray_raycal_questions_total"]
    assert 0 < questions <= len(texts)
    assert 'run="some-1"' in labels
    assert 'stage="grades"' in labels
    assert seen["ray_raycal_failed_questions_total"][1] == 1
    assert seen["ray_raycal_generated_tokens_total"][1] > 0
    events = [json.loads(line) for line in lines if line.startswith('{"time"')]
    (failed,) = (event for event in events if event["event"] == "row failed")
    assert (failed["run"], failed["question"], failed["reason"]) == ("some-1", "q3", "as it was asked to")
    assert failed["node"] == node["NodeID"]


def test_the_dashboard_shows_every_counter_and_no_other() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    shown = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    assert {name for expression in shown for name in re.findall(r"ray_raycal_(\w+)_total", expression)} == set(COUNTERS)
    assert all('run=~"$run"' in expression for expression in shown)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
