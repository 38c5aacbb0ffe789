"""A linear layer under a LoRA adapter as one step of autograd.

y = x W' + b + s drop(x) A' B' (Hu et al. 2021, equation 3, with dropout as in PEFT). PEFT writes this as a chain of
steps that each make a tensor as large as the layer's input or output, forward and backward. In bfloat16 on CPUs these
take longer than the product with W. Here the products with A and B are added to that where it lies.
"""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor
from torch.autograd.function import once_differentiable


class FusedLoraLinear(Linear):  # type: ignore[misc]
    """PEFT's LoRA layer around nn.Linear, with the same parameters and, up to rounding, the same outputs.

    Not for weights that ZeRO-3 has partitioned: those are gathered for the layers inside, which are not called here.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """x: (..., in). Returns (..., out), of the same dtype."""
        if self.disable_adapters or self.merged:
            found: Tensor = super().forward(x, *args, **kwargs)
            return found
        (adapter,) = self.active_adapters
        dropout = getattr(self.lora_dropout[adapter], "p", 0.0) if self.training else 0.0
        a, b = (part[adapter].weight.to(x.dtype) for part in (self.lora_A, self.lora_B))
        base = self.base_layer
        y: Tensor = _FusedLora.apply(x, base.weight, base.bias, a, b, self.scaling[adapter], dropout)  # type: ignore[no-untyped-call]
        return y


class _FusedLora(torch.autograd.Function):
    """weight (out, in) and bias (out,) are frozen; a (rank, in) and b (out, rank) learn."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd passes by position
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float, dropout: float
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        dropped, kept = torch.native_dropout(rows, dropout, train=True) if dropout else (rows, None)
        down = dropped @ a.T
        y = torch.nn.functional.linear(rows, weight, bias).addmm_(down, b.T, alpha=scale)
        ctx.save_for_backward(dropped, kept, down, weight, a, b)
        ctx.scale, ctx.dropout = scale, dropout
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        dropped, kept, down, weight, a, b = ctx.saved_tensors
        rows = grad.reshape(-1, grad.shape[-1])
        up = rows @ b * ctx.scale
        grad_a, grad_b = up.T @ dropped, rows.T @ down * ctx.scale
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = rows @ weight
            if kept is None:
                grad_x.addmm_(up, a)
            else:
                grad_x += (up @ a).mul_(kept).div_(1 - ctx.dropout)
            grad_x = grad_x.view(*grad.shape[:-1], -1)
        return grad_x, None, None, grad_a, grad_b, None, None
