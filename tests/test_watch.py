"""The dashboard shows what replicas count."""

from __future__ import annotations

import json
import re
from pathlib import Path

from raycal.inference.telemetry import COUNTERS

DASHBOARD = Path(__file__).parents[1] / "docs/grafana/raycal.json"


def test_the_dashboard_shows_every_counter_and_no_other() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    shown = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    assert {name for expression in shown for name in re.findall(r"ray_raycal_(\w+)_total", expression)} == set(COUNTERS)
    assert all('run=~"$run"' in expression for expression in shown)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
