"""A training's status between its evaluations: a small file that the first worker writes and the driver reads."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass

from raycal.store.atomic import atomic_file
from raycal.store.locations import Location

_FILE = "status.json"
_WRITE_EVERY_S = 2.0


@dataclass(frozen=True)
class TrainingStatus:
    """phase: what is done now. step: how many steps are taken."""

    phase: str
    step: int = 0

    @classmethod
    def read(cls, checkpoints: Location) -> TrainingStatus | None:
        """The status beside a training's checkpoints; None where no worker has come that far."""
        path = checkpoints / _FILE
        return cls(**json.loads(path.read_text())) if path.is_file() else None


class StatusWriter:
    """Writes a training's status, a file every two seconds at most; workers but the first write nothing."""

    def __init__(self, checkpoints: Location, *, rank: int) -> None:
        self._path = checkpoints / _FILE if rank == 0 else None
        self._written = float("-inf")

    def write(self, status: TrainingStatus) -> None:
        """Write a status, unless another was written just now."""
        if self._path is None or time.monotonic() - self._written < _WRITE_EVERY_S:
            return
        with atomic_file(self._path) as aside:
            aside.write_text(json.dumps(asdict(status)))
        self._written = time.monotonic()
