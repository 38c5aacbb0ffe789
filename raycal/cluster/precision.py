"""The precision that fits a processor: which dtypes it computes natively, and which one a model is run in."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from raycal.config.engine import Device, Dtype, EngineConfig
from raycal.config.trainer import TrainerConfig

logger = logging.getLogger(__name__)

C = TypeVar("C", EngineConfig, TrainerConfig)

# Names of capabilities as torch.cpu.get_capabilities has them, on x86 and on Arm.
_CPU_NATIVE = {
    Dtype.BFLOAT16: frozenset({"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"}),
    Dtype.FLOAT16: frozenset({"avx512_fp16", "amx_fp16", "fp16_arith"}),
}
_FIRST_BFLOAT16_CAPABILITY = (8, 0)  # CUDA's compute capability, that of an A100
_EMULATION_COST = "4 to 10 times slower"


@dataclass(frozen=True)
class Processor:
    """A processor that models run on, by its name, and the dtypes that it computes natively."""

    name: str
    device: Device  # never auto
    native: frozenset[Dtype]

    @classmethod
    def of_cpu(cls, capabilities: Mapping[str, object]) -> Processor:
        """A CPU by its flags, as `torch.cpu.get_capabilities` returns them."""
        flags = {name for name, value in capabilities.items() if value is True}
        native = {dtype for dtype, sufficient in _CPU_NATIVE.items() if flags & sufficient}
        name = str(capabilities.get("cpu_name") or "this CPU")
        return cls(name, Device.CPU, frozenset({Dtype.FLOAT32, *native}))

    @classmethod
    def of_gpu(cls, name: str, capability: tuple[int, int]) -> Processor:
        """A GPU by its compute capability."""
        has_bfloat16 = capability >= _FIRST_BFLOAT16_CAPABILITY
        native = {Dtype.FLOAT32, Dtype.FLOAT16, *([Dtype.BFLOAT16] if has_bfloat16 else [])}
        return cls(name, Device.GPU, frozenset(native))


def this_processor(device: Device) -> Processor:
    """The CPU, or the first visible GPU, of the process that asks."""
    import torch

    if device is Device.GPU:
        return Processor.of_gpu(torch.cuda.get_device_name(), torch.cuda.get_device_capability())
    return Processor.of_cpu(torch.cpu.get_capabilities())


def native_dtype(processor: Processor) -> Dtype:
    """What auto stands for: bfloat16 where it is native, else float32 on CPUs and float16 on GPUs.

    >>> native_dtype(Processor.of_cpu({"avx2": True}))
    <Dtype.FLOAT32: 'float32'>
    """
    if Dtype.BFLOAT16 in processor.native:
        return Dtype.BFLOAT16
    return Dtype.FLOAT16 if processor.device is Device.GPU else Dtype.FLOAT32


def depends_on_processor(dtype: Dtype) -> bool:
    """Whether a processor must be known to run in a dtype, or to know what it costs; float32 is native everywhere."""
    return dtype is not Dtype.FLOAT32


def with_native_dtype(config: C, processor: Processor) -> C:
    """A configuration with its dtype decided. An emulated one that was asked for stays, with a warning, once."""
    if config.dtype is Dtype.AUTO:
        return config.model_copy(update={"dtype": native_dtype(processor)})
    if config.dtype not in processor.native:
        _warn_emulated(f"{'engine' if isinstance(config, EngineConfig) else 'trainer'}.dtype", config.dtype, processor)
    return config


def dtype_note(wanted: Dtype, taken: Dtype) -> str:
    """What is said of a dtype when something starts in it.

    >>> dtype_note(Dtype.AUTO, Dtype.FLOAT32)
    'in float32 (bfloat16 is not native on this processor)'
    """
    is_fallback = wanted is Dtype.AUTO and taken is not Dtype.BFLOAT16
    return f"in {taken}" + (" (bfloat16 is not native on this processor)" if is_fallback else "")


@cache  # a run asks at every stage
def _warn_emulated(setting: str, dtype: Dtype, processor: Processor) -> None:
    logger.warning(
        "%s is %s, which %s emulates, %s than %s: leave it at auto",
        *(setting, dtype, processor.name, _EMULATION_COST, native_dtype(processor)),
    )
