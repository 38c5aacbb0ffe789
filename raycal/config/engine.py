"""The model under test, and the engines that run it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from raycal.config.section import Place, Section


class PromptStyle(StrEnum):
    """How a conversation becomes text: through the model's chat template, or as a plain few-shot prompt."""

    AUTO = "auto"
    CHAT = "chat"
    BASE = "base"


class ModelConfig(Section):
    """The model under test."""

    path: str = "smollm2-135m-instruct"  # the packaged model, a local folder, or a repository of the hub
    revision: str | None = None
    adapter: Place | None = None  # a folder with a LoRA adapter in PEFT's format, under which all is asked
    prompt_style: PromptStyle = PromptStyle.AUTO


class Device(StrEnum):
    """Where engines run; auto takes GPUs where the machine or cluster has any."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class Dtype(StrEnum):
    """The precision of weights and arithmetic; auto: see raycal.cluster.precision."""

    AUTO = "auto"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


class BackendName(StrEnum):
    """What answers: vLLM, or a simulated model at once, for tests and benchmarks (see raycal.testing)."""

    VLLM = "vllm"
    SIMULATED = "simulated"


class EngineConfig(Section):
    """One engine a replica, and how many replicas."""

    backend: BackendName = BackendName.VLLM
    replicas: int = Field(1, ge=1)
    device: Device = Device.AUTO
    tensor_parallel: int = Field(1, ge=1)
    cpus_per_replica: float = Field(1, gt=0)
    dtype: Dtype = Dtype.AUTO  # of hidden states too; enters no key
    max_model_len: int = Field(2048, ge=128)
    max_num_seqs: int = Field(256, ge=1)
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    kv_cache_gib: float = Field(2, gt=0)  # CPU engines only: memory set aside for the key-value cache
    batch_size: int = Field(16, ge=1)  # questions a batch, and so a shard
    batches_in_flight: int = Field(4, ge=1)  # a replica works on batch_size x batches_in_flight questions at once
    start_timeout_s: float = Field(600, gt=0)
