"""Checkpoints of a training: the adapter, the optimizer's state, and the step. Megabytes."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch.distributed

from raycal.finetuning.calibration import Calibration
from raycal.finetuning.data import Examples
from raycal.finetuning.job import ADAPTER
from raycal.finetuning.model import QueryModel, gathered

_STATE = "state"
_PROGRESS = "progress.json"


@dataclass(frozen=True)
class TrainingState:
    """Where a training stands."""

    step: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    best_step: int = -1
    best_loss: float = float("inf")
    evaluations_since_best: int = 0

    def after_step(self, applied: bool) -> TrainingState:
        """One more step, taken, or skipped for gradients that are not finite."""
        return replace(
            self,
            step=self.step + 1,
            skipped=self.skipped + (not applied),
            skipped_in_a_row=0 if applied else self.skipped_in_a_row + 1,
        )

    def after_evaluation(self, loss: float) -> TrainingState:
        """The calibration loss decides which adapter is kept."""
        if loss < self.best_loss:
            return replace(self, best_step=self.step, best_loss=loss, evaluations_since_best=0)
        return replace(self, evaluations_since_best=self.evaluations_since_best + 1)


def save_checkpoint(
    engine: Any,
    model: QueryModel,
    progress: TrainingState,
    folder: Path,
    *,
    found: Calibration,
    examples: Examples,
    best: Path,
    rank: int,
) -> None:
    """Write this worker's part of a checkpoint after an evaluation of the calibration examples.

    All workers must call together. `best` keeps the best adapter and its confidences between checkpoints: a folder of
    rank 0's own.
    """
    engine.save_checkpoint(str(folder), tag=_STATE, exclude_frozen_parameters=True)
    if progress.best_step == progress.step:
        trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        with gathered(trainable):
            if rank == 0:
                model.save_adapter(best)
                found.write(best, examples)
    if rank == 0:
        shutil.copytree(best, folder / ADAPTER)
        (folder / _PROGRESS).write_text(json.dumps(asdict(progress)))


def load_checkpoint(engine: Any, folder: Path, *, best: Path, rank: int) -> TrainingState:
    """Take up a checkpoint; all workers must call together."""
    engine.load_checkpoint(str(folder), tag=_STATE, load_module_strict=False)
    if rank == 0:
        shutil.copytree(folder / ADAPTER, best, dirs_exist_ok=True)
    torch.distributed.barrier()  # the folder may be a copy that goes when the first worker leaves it
    return TrainingState(**json.loads((folder / _PROGRESS).read_text()))
