"""Interruptions of a training that went on from its checkpoint: notes in the store, by the one who sees it happen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ray.train import UserCallback

from raycal.cluster.connection import root_cause
from raycal.finetuning.job import FinetuneJob
from raycal.store.atomic import remove_folder


class Interruptions(UserCallback):  # type: ignore[misc]
    """Ray Train's callback, which runs in its controller, far from the terminal."""

    def __init__(self, job: FinetuneJob) -> None:
        self._folder = job.store.root / "notes" / job.adapter_id

    def after_exception(self, run_context: Any, worker_exceptions: Mapping[int, Exception]) -> None:
        """See Ray Train's UserCallback; of several workers the first tells the cause, others may have waited for it."""
        first = min(worker_exceptions)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / uuid4().hex).write_text(f"worker {first}: {root_cause(worker_exceptions[first])}")

    def take(self) -> list[str]:
        """The causes that are noted, and are not any more."""
        causes = [path.read_text() for path in self._folder.glob("*")]
        remove_folder(self._folder)
        return causes
