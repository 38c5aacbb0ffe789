"""The process of a vLLM engine: its environment, the limit on its start, and its end with its owner."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from raycal.config.engine import Device, EngineConfig
from raycal.inference.backend import EngineStartError
from raycal.models.find import Model

_OWNER = "RAYCAL_ENGINE_OWNER"
_WATCH_S = 0.5
_REASON_LENGTH = 400  # of the text of an error that is not ours


def cpu_arguments() -> dict[str, Any]:
    """vLLM's arguments that a CPU engine needs."""
    return {
        "enforce_eager": True,  # compiling takes minutes and gains nothing on a CPU
        "distributed_executor_backend": "uni",  # a worker process of its own costs a quarter of the start
        "enable_chunked_prefill": False,  # a prefill in chunks crashes CPU engines on requests with a seed
        "block_size": 32,  # prefixes are shared in whole blocks, and the default of 128 is longer than most prompts
    }


def set_environment(config: EngineConfig, device: Device) -> None:
    """The environment variables that vLLM reads, for this process and the engine's."""
    os.environ |= {
        _OWNER: str(os.getpid()),
        # A forked engine would skip the plug-ins that this process has loaded, `end_with_owner` among them.
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "VLLM_ENGINE_READY_TIMEOUT_S": f"{config.start_timeout_s + 60:.0f}",  # raycal's own limit comes first
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": os.environ.get("VLLM_LOGGING_LEVEL", "ERROR"),
        "TOKENIZERS_PARALLELISM": "false",
        # What vLLM's and PyTorch's imports say of themselves is not for the user to mend.
        "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore::FutureWarning"),
        "TORCH_LOGS": os.environ.get("TORCH_LOGS", "-torch._library.triton"),
    }
    if device is Device.CPU:
        os.environ |= {
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # else vLLM takes another executor than "uni" on CPUs
            "VLLM_CPU_KVCACHE_SPACE": f"{max(1, round(config.kv_cache_gib))}",
            "VLLM_CPU_NUM_OF_RESERVED_CPU": os.environ.get("VLLM_CPU_NUM_OF_RESERVED_CPU", "0"),
        }


def end_with_owner() -> None:
    """End this process when the one that started its engine is gone, killed for instance.

    A vLLM plug-in: vLLM calls it in the engine's own process, which would otherwise outlive a killed parent and keep
    its memory. Without effect in engines that raycal did not start.
    """
    owner = os.environ.get(_OWNER)
    if owner is None or os.getppid() != int(owner):
        return

    def watch() -> None:
        while os.getppid() == int(owner):
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-owner", daemon=True).start()


@contextmanager
def start_limit(model: Model, seconds: float) -> Iterator[None]:
    """Turn what keeps an engine from starting, or keeps it too long, into an EngineStartError of one sentence."""
    expired, ended = threading.Event(), threading.Event()

    def watch() -> None:
        wait = seconds
        while not ended.wait(wait):
            expired.set()
            for process in multiprocessing.active_children():  # the engine: its end fails the start that waits for it
                process.kill()
            wait = _WATCH_S  # there may be none yet

    threading.Thread(target=watch, name="start-limit", daemon=True).start()
    try:
        yield
    except (RuntimeError, ValueError, TimeoutError, OSError) as error:
        reason = " ".join(str(error).split())[:_REASON_LENGTH]
        if expired.is_set():
            reason = f"it was not up within engine.start_timeout_s = {seconds:g} seconds"
        raise EngineStartError(f"the engine for {model} did not start: {reason}") from error
    finally:
        ended.set()
