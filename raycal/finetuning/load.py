"""The model of a job, loaded for training, with a fresh adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from raycal._compat.deepspeed import without_compiled_ops
from raycal.config.engine import Device
from raycal.finetuning.deepspeed import deepspeed_config
from raycal.finetuning.job import FinetuneJob
from raycal.finetuning.kernels.attention import use_cpu_attention
from raycal.finetuning.kernels.fused_layers import use_lean_layers
from raycal.finetuning.model import QueryModel, with_lora


def load_query_model(job: FinetuneJob) -> QueryModel:
    """The base model, frozen, under a fresh adapter; under ZeRO-3 every worker loads its part alone."""
    from transformers import AutoModelForCausalLM
    from transformers.integrations import HfDeepSpeedConfig

    without_compiled_ops()
    is_partitioned = job.trainer.zero_stage == 3
    # While this object lives, from_pretrained partitions the weights as it loads them.
    partitioned: Any = HfDeepSpeedConfig(deepspeed_config(job.method, job.trainer)) if is_partitioned else None
    base = AutoModelForCausalLM.from_pretrained(
        job.model.location,
        revision=None if Path(job.model.location).is_dir() else job.model.revision,
        dtype=getattr(torch, job.trainer.dtype),
        trust_remote_code=False,
        use_safetensors=True,
        attn_implementation="eager" if job.device is Device.CPU else None,
    )
    del partitioned
    if job.device is Device.CPU:
        use_cpu_attention(base)
    base.config.use_cache = False
    # Partitioned or quantised weights are no matrices before their own layers take them.
    is_plain = not (is_partitioned or getattr(base, "is_quantized", False))
    if is_plain:
        use_lean_layers(base)
    model = with_lora(base, job.method, fused=is_plain)
    if job.trainer.gradient_checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return QueryModel(model, job.choice_tokens, flat=not is_partitioned)
