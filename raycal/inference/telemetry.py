"""Telemetry of a replica: counters for Ray's metrics, and log lines in JSON."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raycal.inference.tasks import BatchReport

# Name and meaning of the counters; Ray exports each as ray_raycal_NAME_total. A dashboard for them: docs/grafana.
COUNTERS = {
    "questions": "Questions that are done",
    "failed_questions": "Questions of which a row failed",
    "prompt_tokens": "Tokens of prompts",
    "generated_tokens": "Tokens that were generated",
    "busy_seconds": "Seconds in which the engine had something to do",
    "gpu_seconds": "The same times the GPUs of the replica",
}

_logger = logging.getLogger("raycal.inference.replica")


class ReplicaTelemetry:
    """The counters and the log of one replica, labelled with the run and with what the replica does for it."""

    def __init__(self, run: str, stage: str, gpus: float) -> None:
        import ray
        from ray.util.metrics import Counter

        labels = {"run": run, "stage": stage}
        self._gpus = gpus
        self._counters = {
            name: Counter(f"raycal_{name}", description=meaning, tag_keys=tuple(labels))
            for name, meaning in COUNTERS.items()
        }
        for counter in self._counters.values():
            counter.set_default_tags(labels)
        _log_as_json()
        self._labels = labels | {"node": ray.get_runtime_context().get_node_id()}

    def count(self, done: BatchReport, busy_seconds: float) -> None:
        """Add to the counters what a batch came to."""
        counts = {
            "questions": done.questions,
            "failed_questions": done.failed,
            "prompt_tokens": done.prompt_tokens,
            "generated_tokens": done.generated_tokens,
            "busy_seconds": busy_seconds,
            "gpu_seconds": busy_seconds * self._gpus,
        }
        for name, value in counts.items():
            if value:  # Ray takes no nought
                self._counters[name].inc(value)

    def log(self, event: str, **details: Any) -> None:
        """Write a line to the replica's log."""
        _logger.info(event, extra={"fields": self._labels | details})


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})
        return json.dumps({"time": self.formatTime(record), "event": record.getMessage()} | fields, ensure_ascii=False)


def _log_as_json() -> None:
    if not _logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_Json())
        _logger.addHandler(handler)
        _logger.setLevel(logging.INFO)
        _logger.propagate = False
