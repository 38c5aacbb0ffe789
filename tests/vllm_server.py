"""vLLM's own server with OpenAI's interface, on loopback, in a process of its own."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from background import Background
from clusters import free_ports

from raycal.config.engine import Device, EngineConfig
from raycal.inference.vllm_process import cpu_arguments, set_environment
from raycal.models.find import Model


@contextmanager
def vllm_server(model: Model, config: EngineConfig) -> Iterator[str]:
    """The base URL of a server of a model on the CPU, with the settings that an engine of ours has there."""
    (port,) = free_ports(1)
    set_environment(config, Device.CPU)
    arguments: dict[str, Any] = {
        "model": model.location,
        "served_model_name": model.name,
        "host": "127.0.0.1",
        "port": port,
        "dtype": str(config.dtype),
        "max_model_len": config.max_model_len,
        "max_num_seqs": config.max_num_seqs,
        "load_format": "safetensors",
        **cpu_arguments(),
    }
    options = [part for name, value in arguments.items() for part in _option(name, value)]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *options]
    with Background(command) as server:
        server.wait_until(lambda: _is_healthy(port))
        yield f"http://127.0.0.1:{port}/v1"


def _option(name: str, value: object) -> list[str]:
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", str(value)]


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10):
            return True
    except OSError:
        return False
