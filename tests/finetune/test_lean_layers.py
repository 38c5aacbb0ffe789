"""Norms and gated MLPs that keep less, against those of transformers, forward and backward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from raycal.finetuning.kernels.fused_layers import use_lean_layers

SIZE = {
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "pad_token_id": 0,
}
MODELS: dict[str, tuple[Any, Any]] = {
    "llama": (LlamaForCausalLM, LlamaConfig),
    "mistral": (MistralForCausalLM, MistralConfig),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config),
    "gemma": (GemmaForCausalLM, GemmaConfig),
}


def made(name: str, dtype: torch.dtype, **settings: object) -> Any:
    """A small frozen model whose norms have learnt something."""
    torch.manual_seed(0)
    model_class, config_class = MODELS[name]
    model = model_class(config_class(**SIZE | settings)).to(dtype).requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, 1, 0.3)
    return model


def passed(model: Any) -> tuple[Tensor, Tensor, int]:
    """The logits, the gradient of the embeddings, and how many bytes were kept between forward and backward."""
    embedded = model.get_input_embeddings()(torch.arange(24).view(2, 12) % 32).requires_grad_()
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        logits = model(inputs_embeds=embedded).logits
    logits.float().square().mean().backward()
    return logits.detach(), embedded.grad, sum(kept.values())


def replaced(model: Any) -> set[str]:
    """The classes of layers that have another forward than theirs."""
    return {type(module).__name__ for module in model.modules() if "forward" in vars(module)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("name", "settings", "lean"),
    [
        ("llama", {}, {"LlamaRMSNorm", "LlamaMLP"}),
        ("llama", {"mlp_bias": True}, {"LlamaRMSNorm", "LlamaMLP"}),
        ("mistral", {}, {"MistralRMSNorm", "MistralMLP"}),
        ("qwen3", {}, {"Qwen3RMSNorm", "Qwen3MLP"}),
        ("llama", {"hidden_act": "gelu"}, {"LlamaRMSNorm"}),  # another gate
        ("gemma", {}, set()),  # and norms that multiply by 1 + w
    ],
)
def test_the_same_outputs_and_gradients_with_less_kept(
    name: str, settings: dict[str, object], lean: set[str], dtype: torch.dtype
) -> None:
    theirs, ours = made(name, dtype, **settings), made(name, dtype, **settings)
    use_lean_layers(ours)
    assert replaced(ours) == lean
    (logits, gradient, kept), (same_logits, same_gradient, less) = passed(theirs), passed(ours)
    torch.testing.assert_close(same_logits, logits)
    assert (same_gradient - gradient).norm() < (0.02 if dtype is torch.bfloat16 else 1e-5) * gradient.norm()
    assert less < kept if lean and dtype is torch.bfloat16 else less <= kept
