"""The DeepSpeed engine around a model: ZeRO stage, precision, optimiser and schedule from the configuration."""

from __future__ import annotations

from typing import Any

import torch

from raycal.config.engine import Dtype
from raycal.config.trainer import TrainerConfig
from raycal.finetuning.model import QueryModel
from raycal.methods.fine_tuned import FineTuned, Schedule


def deepspeed_config(method: FineTuned, trainer: TrainerConfig) -> dict[str, Any]:
    """DeepSpeed's configuration. Steps are cut by tokens, so that raycal itself says where each of them ends."""
    zero: dict[str, Any] = {"stage": trainer.zero_stage, "overlap_comm": False}
    if trainer.offload:
        zero["offload_optimizer"] = {"device": "cpu"}
        if trainer.zero_stage == 3:
            zero["offload_param"] = {"device": "cpu"}
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": False,
        "gradient_clipping": method.max_grad_norm,
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "bf16": {"enabled": trainer.dtype is Dtype.BFLOAT16, "check_grad_overflow": True},
        # The loss is about 1 and gradients are clipped: from a higher scale the first steps would only be skipped.
        "fp16": {"enabled": trainer.dtype is Dtype.FLOAT16, "initial_scale_power": 12, "hysteresis": 1},
        "steps_per_print": None,
    }


def start_deepspeed(model: QueryModel, method: FineTuned, trainer: TrainerConfig, steps: int) -> Any:
    """The DeepSpeed engine of this worker, with AdamW on the adapter alone and a schedule over `steps` steps."""
    import deepspeed
    from transformers import get_scheduler

    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trainable, lr=method.learning_rate, weight_decay=method.weight_decay)
    schedule = get_scheduler(
        "constant_with_warmup" if method.schedule is Schedule.CONSTANT else str(method.schedule),
        optimiser,
        num_warmup_steps=round(method.warmup * steps),
        num_training_steps=steps,
    )
    config = deepspeed_config(method, trainer)
    # DeepSpeed would set aside a GiB for the gradients that it has not reduced yet.
    config["zero_optimization"]["reduce_bucket_size"] = sum(parameter.numel() for parameter in trainable)
    engine, *_ = deepspeed.initialize(
        model=model,
        model_parameters=trainable,
        optimizer=optimiser,
        lr_scheduler=schedule,
        config=config,
        dist_init_required=False,
    )
    return engine


def take_step(engine: Any, *, finite: bool) -> bool:
    """Update the adapter by the gradients so far; False where the step was skipped and they were forgotten.

    finite: whether the loss was, on every worker.
    """
    if finite or engine.zero_optimization():
        engine.step()  # ZeRO finds gradients that are not finite by their norm, and forgets them itself
        return bool(engine.was_step_applied())
    engine.optimizer.zero_grad()
    return False
