"""Layers that keep less for the backward pass: LoRA on linear layers, norms, gated MLPs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu

_Forward = Callable[[Tensor], Tensor]


def use_lean_layers(model: nn.Module) -> None:
    """Put them in the place of those of a model's own layers that compute the same."""
    for module in model.modules():
        if (lean := _lean_form(module)) and _computes_the_same(module, *lean):
            module.forward = lean[0]


def _lean_form(module: Any) -> tuple[_Forward, int] | None:
    """What may replace a layer's forward, and the width of its input, where its parts have the usual names."""
    names = set(module._parameters) | set(module._modules)
    eps = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    if names == {"weight"} and isinstance(eps, float):
        return partial(_rms_norm, module, eps), module.weight.shape[0]
    if names == {"gate_proj", "up_proj", "down_proj", "act_fn"}:
        return partial(_gated_mlp, module), module.gate_proj.in_features
    return None


@torch.no_grad()
def _computes_the_same(module: nn.Module, lean: _Forward, width: int) -> bool:
    weight = next(module.parameters())
    x = torch.randn(4, width, generator=torch.Generator().manual_seed(0)).to(weight)
    return torch.allclose(lean(x), module(x))


def _rms_norm(module: Any, eps: float, x: Tensor) -> Tensor:
    y: Tensor = _RMSNorm.apply(x, module.weight, eps)  # type: ignore[no-untyped-call]
    return y


def _gated_mlp(module: Any, x: Tensor) -> Tensor:
    y: Tensor = module.down_proj(_Gated.apply(module.gate_proj(x), module.up_proj(x)))  # type: ignore[no-untyped-call]
    return y


class _RMSNorm(torch.autograd.Function):
    """w x / sqrt(mean(x^2) + eps) (Zhang and Sennrich 2019, equation 4), in float32; w is frozen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        rows = x.float()
        scale = torch.rsqrt(rows.square().mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, scale, weight)
        return weight * (rows * scale).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, weight = ctx.saved_tensors
        normed, grad = x.float() * scale, (grad * weight).float()
        along = (grad * normed).mean(-1, keepdim=True)
        return grad.addcmul_(normed, along, value=-1).mul_(scale).to(x.dtype), None, None


class _Gated(torch.autograd.Function):
    """silu(gate) up (SwiGLU: Shazeer 2020, equation 6)."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        return torch.ops.aten.silu_backward(grad * up, gate), silu(gate).mul_(grad)


class FusedLoraLinear(Linear):  # type: ignore[misc]
    """PEFT's LoRA layer around nn.Linear, with the same parameters and, up to rounding, the same outputs.

    Not for weights that ZeRO-3 has partitioned: those are gathered for the layers inside, which are not called here.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """x: (..., in). Returns (..., out), of the same dtype."""
        if self.disable_adapters or self.merged:
            output: Tensor = super().forward(x, *args, **kwargs)
            return output
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
