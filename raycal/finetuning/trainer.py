"""From graded answers to an adapter: the driver's part of fine-tuning, over Ray Train."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from raycal.cluster.connection import root_cause
from raycal.cluster.gc import raise_gc_threshold
from raycal.cluster.resources import WorkerPlan
from raycal.config.engine import Device
from raycal.errors import RaycalError
from raycal.finetuning.job import ADAPTER, FinetuneJob
from raycal.store.locations import Location, for_arrow

# Each of a minute: a lost node may come again, or another in its place, but no training must wait for ever.
_MOST_WAITS = 30


class FinetuneError(RaycalError, RuntimeError):
    """The fine-tuning did not finish; its checkpoints are kept."""


def train(job: FinetuneJob, plan: WorkerPlan, callbacks: Sequence[Any] = ()) -> Location:
    """Train on Ray Train workers, from the last checkpoint of the same job; returns the folder of the best adapter.

    callbacks: Ray Train's, which are told the metrics of every evaluation. Raises FinetuneError.
    """
    # A worker waits at an evaluation until Ray Train has heard of the one before, which it asks for this often.
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.25")
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.train.v2.api.exceptions import ControllerError, TrainingFailedError

    on_gpu = job.device is Device.GPU
    environment = {"OMP_NUM_THREADS": str(plan.threads), "TOKENIZERS_PARALLELISM": "false"}
    if not on_gpu:
        environment["DS_ACCELERATOR"] = "cpu"
        # Ray Train runs the loop in a thread, whose own arena of memory would keep half as much again as it needs.
        environment["MALLOC_ARENA_MAX"] = "1"
        # That one in huge pages: activations of some GiB are read through far fewer entries of the page table.
        environment["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    folder = job.checkpoints.resolve()
    (path,), filesystem = for_arrow([folder])
    trainer = TorchTrainer(
        _train,
        train_loop_config=job,
        torch_config=TorchConfig(backend="nccl" if on_gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=plan.workers,
            use_gpu=on_gpu,
            resources_per_worker={"CPU": plan.cpus} | ({"GPU": plan.gpus} if on_gpu else {}),
        ),
        run_config=RunConfig(
            name=job.attempt,
            storage_path=path,
            storage_filesystem=filesystem,
            failure_config=FailureConfig(max_failures=job.trainer.retries, controller_failure_limit=_MOST_WAITS),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
            worker_runtime_env={"env_vars": environment},
            callbacks=list(callbacks),
        ),
    )
    try:
        result = trainer.fit()
    except ControllerError as error:
        raise FinetuneError(
            f"fine-tuning {job.adapter_id} could not start its {plan.workers} workers, and goes on from its checkpoint "
            f"where it is run again: {root_cause(error)}"
        ) from error
    except TrainingFailedError as error:
        raise FinetuneError(f"fine-tuning {job.adapter_id} failed: {root_cause(error)}") from error
    return folder / str(PurePosixPath(result.checkpoint.path).relative_to(path)) / ADAPTER


def _train(job: FinetuneJob) -> None:
    """A worker's part, whose imports the driver is spared."""
    raise_gc_threshold()
    from raycal.finetuning.loop import train_worker

    train_worker(job)
