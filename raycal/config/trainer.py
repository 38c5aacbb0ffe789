"""The workers that fine-tune: where and how fast, nothing that changes what comes out beyond numeric noise."""

from __future__ import annotations

from pydantic import Field, model_validator

from raycal.config.engine import Device, Dtype
from raycal.config.section import Section


class TrainerConfig(Section):
    """Ray Train workers, each with a DeepSpeed engine."""

    workers: int = Field(1, ge=1)
    device: Device = Device.AUTO
    cpus_per_worker: float = Field(1, gt=0)
    gpus_per_worker: float = Field(1, gt=0, le=1)  # where there are GPUs; below 1 small trainings share one
    zero_stage: int = Field(2, ge=0, le=3)
    offload: bool = False  # the optimiser's state, and under stage 3 the weights, in the memory of the CPU
    dtype: Dtype = Dtype.AUTO
    gradient_checkpointing: bool = False
    tokens_per_micro_batch: int = Field(4096, ge=1)  # what one forward pass may hold, padding included
    retries: int = Field(2, ge=0)  # of a worker that dies, each from the last checkpoint

    @model_validator(mode="after")
    def _one_gpu_each(self) -> TrainerConfig:
        if self.gpus_per_worker < 1 < self.workers:
            raise ValueError("workers of one training cannot share a GPU: set workers to 1, or gpus_per_worker to 1")
        return self
