"""The model under test, and the engines that run it."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from raycal.config.section import Place, Section


class PromptStyle(StrEnum):
    """How a conversation becomes text: through the model's chat template, or as a plain few-shot prompt."""

    AUTO = "auto"
    CHAT = "chat"
    BASE = "base"


class Endpoint(Section):
    """A server with OpenAI's interface, and what it can do. Where it stands in keys is its address alone."""

    outside_keys: ClassVar[frozenset[str]] = frozenset({"api_key_env", "logprobs"})

    base_url: str  # such as http://127.0.0.1:8000/v1
    api_key_env: str | None = None  # the environment variable with the key, on the nodes; None: it wants none
    logprobs: bool = True  # whether it gives the log-probabilities of the tokens that it generates

    @field_validator("base_url")
    @classmethod
    def _no_secret(cls, base_url: str) -> str:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("write it as http://HOST:PORT/v1 or https://HOST/v1")
        if "@" in parts.netloc or parts.query:
            raise ValueError("an address that is stored has no user, password or query: name the key by api_key_env")
        return base_url.rstrip("/")

    @field_validator("api_key_env")
    @classmethod
    def _no_key(cls, api_key_env: str | None) -> str | None:
        if api_key_env is not None and not api_key_env.isidentifier():
            raise ValueError("name the environment variable that has the key, and not the key itself")
        return api_key_env


class ModelConfig(Section):
    """A model, and through what it is asked."""

    path: str = "smollm2-135m-instruct"  # the packaged model, a local folder, or a repository of the hub
    revision: str | None = None
    adapter: Place | None = None  # a folder with a LoRA adapter in PEFT's format, under which all is asked
    prompt_style: PromptStyle = PromptStyle.AUTO
    backend: str = "vllm"  # see docs/backends.md
    endpoint: Endpoint | None = None  # of backend openai, where path is the model's name there

    @model_validator(mode="after")
    def _asked_in_one_way(self) -> ModelConfig:
        if (self.backend == "openai") != (self.endpoint is not None):
            raise ValueError("backend openai and endpoint go together: name the endpoint's base_url, or take both out")
        if self.endpoint is not None and (self.adapter is not None or self.revision is not None):
            raise ValueError("an endpoint has its own weights: take adapter and revision out")
        if self.endpoint is not None and self.prompt_style is PromptStyle.BASE:
            raise ValueError("an endpoint takes conversations, and continues no plain prompt: leave prompt_style out")
        return self


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


class EngineConfig(Section):
    """One engine a replica, and how many replicas."""

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
    requests_in_flight: int = Field(32, ge=1)  # of a replica to an endpoint
    request_timeout_s: float = Field(120, gt=0)  # of an attempt to ask an endpoint
    request_retries: int = Field(6, ge=0)  # after 429, 5xx, a timeout or a lost connection, with growing pauses
