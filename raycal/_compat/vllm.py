"""vLLM 0.32: its engine and its errors, of whose modules none is public."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any


def async_engine() -> type[Any]:
    """The class of the asynchronous engine."""
    from vllm.v1.engine.async_llm import AsyncLLM

    return AsyncLLM  # type: ignore[no-any-return]


def engine_errors() -> tuple[type[Exception], type[Exception]]:
    """The error of an engine that died, and that of a request that it refused."""
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

    return EngineDeadError, EngineGenerateError


def bound_threads(planned: Any) -> AbstractContextManager[None]:
    """The OpenMP variables that vLLM gives the workers of CPU engines, for a process that is its own worker.

    planned: vLLM's configuration of the engine.
    """
    from vllm.utils.ompmultiprocessing import OMPProcessManager

    binding: AbstractContextManager[None] = OMPProcessManager(planned).configure_omp_envs(rank=0, local_rank=0)
    return binding
