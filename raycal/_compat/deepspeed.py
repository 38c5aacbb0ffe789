"""DeepSpeed 0.19: kernels that it would compile."""

from __future__ import annotations


def without_compiled_ops() -> None:
    """Have DeepSpeed do without kernels of its own, in this process.

    On CPUs it would compile collectives over shared memory before the first step: for a minute or two, with a compiler
    that may not be there, and for nothing that the small gradients of an adapter would profit from.
    """
    import deepspeed

    deepspeed.ops.__compatible_ops__ = {}
