"""One fine-tuning, as it travels to the workers."""

from __future__ import annotations

from dataclasses import dataclass

from raycal.config.engine import Device
from raycal.config.trainer import TrainerConfig
from raycal.methods.fine_tuned import FineTuned
from raycal.models.find import Model
from raycal.store.locations import Location
from raycal.store.store import Store

ADAPTER = "adapter"  # in a checkpoint, the best one so far as PEFT writes it


@dataclass(frozen=True)
class FinetuneJob:
    """What to train, on what, and where to write: folders that all workers share."""

    adapter_id: str
    method: FineTuned
    trainer: TrainerConfig
    device: Device
    model: Model
    training: Location  # Examples
    calibration: Location
    reference: Location  # the folder of the base model's states
    choice_tokens: tuple[int, int]
    store: Store

    @property
    def checkpoints(self) -> Location:
        """The folder of the training's checkpoints."""
        return self.store.root / "finetune" / self.adapter_id

    @property
    def attempt(self) -> str:
        """Which of them can be taken up, as a name: those of as many workers, cut in the same way."""
        trainer = self.trainer
        offloaded = "-offloaded" if trainer.offload else ""
        return f"{trainer.workers}-workers-zero{trainer.zero_stage}-{trainer.dtype}{offloaded}"
