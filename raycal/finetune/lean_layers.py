"""Norms and gated MLPs that keep less for the backward pass, each as one step of autograd.

What transformers writes keeps a norm's input in float32, and of an MLP the activated gate beside the gate. Those are a
fifth of what a training step holds, and are quickly computed anew from what is kept beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
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
