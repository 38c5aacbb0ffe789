"""The fused LoRA layer against PEFT's own, forward and backward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn

from raycal.finetuning.kernels.fused_layers import FusedLoraLinear, _FusedLora


def adapted(*, fused: bool, dropout: float = 0.0, bias: bool = True) -> Any:
    """One linear layer under an adapter that has learnt something."""
    torch.manual_seed(0)
    config = LoraConfig(r=3, lora_alpha=7, lora_dropout=dropout, target_modules=["0"], init_lora_weights=False)
    if fused:
        config._register_custom_module({nn.Linear: FusedLoraLinear})
    model: Any = get_peft_model(nn.Sequential(nn.Linear(6, 5, bias=bias)), config)
    assert isinstance(model.base_model.model[0], FusedLoraLinear) is fused
    return model


def passed(model: PeftModel, x: Tensor) -> list[Tensor]:
    """What comes out, and the gradients of x, A and B."""
    torch.manual_seed(1)
    x = x.clone().requires_grad_()
    y = model(x)
    y.square().sum().backward()
    return [y, x.grad, *(p.grad for p in model.parameters() if p.requires_grad)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 6)])
def test_outputs_and_gradients_are_those_of_peft(shape: tuple[int, ...], dropout: float, bias: bool) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    plain, fused = (passed(adapted(fused=which, dropout=dropout, bias=bias), x) for which in (False, True))
    assert len(plain) == 4
    for theirs, ours in zip(plain, fused, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_nothing_is_dropped_in_evaluation() -> None:
    x = torch.randn(4, 6)
    model = adapted(fused=True, dropout=0.4).eval()
    torch.testing.assert_close(model(x), adapted(fused=False).eval()(x))
    assert torch.equal(model(x), model(x))


def test_an_adapter_switched_off_or_merged() -> None:
    x = torch.randn(4, 6)
    model = adapted(fused=True)
    with model.disable_adapter():
        base = model(x)
    assert torch.equal(base, model.base_model.model[0].base_layer(x))
    tuned = model(x)
    assert not torch.allclose(tuned, base)
    model.merge_adapter()
    torch.testing.assert_close(model(x), tuned)


@pytest.mark.parametrize("of_x", [False, True])
def test_gradients_are_those_of_finite_differences(of_x: bool) -> None:
    shapes = ((4, 6), (5, 6), (5,), (3, 6), (5, 3))
    x, weight, bias, a, b = (torch.randn(shape, dtype=torch.float64) for shape in shapes)
    a.requires_grad_()
    b.requires_grad_()
    x.requires_grad_(of_x)

    def fused(*tensors: torch.Tensor) -> Any:
        return _FusedLora.apply(*tensors, 2.0, 0.0)  # type: ignore[no-untyped-call]

    assert torch.autograd.gradcheck(fused, (x, weight, bias, a, b))
