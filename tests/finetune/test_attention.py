"""Attention on CPUs against what transformers calls eager."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import BloomConfig, BloomForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from raycal.finetuning.kernels.attention import CPU_ATTENTION, grouped_attention, use_cpu_attention
from raycal.finetuning.model import UnsupportedModelError

SIZE = {"vocab_size": 32, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 6}
TOKENS = torch.arange(22).reshape(2, 11)


def llama(shared: int) -> Any:
    return LlamaForCausalLM(LlamaConfig(**SIZE, num_key_value_heads=shared, attn_implementation="eager"))


def mistral() -> Any:
    """Looks back at four tokens only."""
    return MistralForCausalLM(
        MistralConfig(**SIZE, num_key_value_heads=2, sliding_window=4, attn_implementation="eager")
    )


def passed(model: Any) -> list[Tensor]:
    """The logits and all gradients."""
    model.zero_grad()
    logits = model(input_ids=TOKENS, use_cache=False).logits
    logits.square().sum().backward()
    return [logits.detach(), *(parameter.grad.clone() for parameter in model.parameters())]


@pytest.mark.parametrize("make", [lambda: llama(6), lambda: llama(2), lambda: llama(1), mistral])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_and_gradients_are_those_of_eager_attention(make: Any, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = make().to(dtype)
    eager = passed(model)
    use_cpu_attention(model)
    assert model.config._attn_implementation == CPU_ATTENTION
    for theirs, ours in zip(eager, passed(model), strict=True):
        near = 1e-5 if dtype is torch.float32 else 0.05
        assert (ours - theirs).norm() <= near * theirs.norm()


def test_an_architecture_that_cannot_be_told_keeps_its_own() -> None:
    config = BloomConfig(vocab_size=32, hidden_size=16, n_layer=1, n_head=2, attn_implementation="eager")
    model = BloomForCausalLM(config)
    use_cpu_attention(model)
    assert model.config._attn_implementation == "eager"
    passed(model)


def test_attention_that_is_more_than_this_is_refused() -> None:
    states = torch.zeros(1, 2, 3, 4)
    with pytest.raises(UnsupportedModelError, match="does not support attention with softcap"):
        grouped_attention(torch.nn.Module(), states, states, states, None, 1.0, softcap=30.0)
