"""Where the adapter is put."""

from __future__ import annotations

from transformers import LlamaConfig, LlamaForCausalLM

from raycal.config import FineTuned
from raycal.finetune.lora_linear import FusedLoraLinear
from raycal.finetune.query_model import with_lora

SIZE = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def adapted(**settings: object) -> set[tuple[int, str]]:
    """Layers and modules that have an adapter."""
    model = with_lora(LlamaForCausalLM(LlamaConfig(vocab_size=32, **SIZE)), FineTuned.model_validate(settings))
    names = (name.split(".") for name, _ in model.named_parameters() if "lora_A" in name)
    return {(int(parts[parts.index("layers") + 1]), parts[parts.index("lora_A") - 1]) for parts in names}


def test_all_linear_modules_of_all_layers_and_never_the_output() -> None:
    assert adapted(target_modules="all-linear") == {(layer, name) for layer in range(3) for name in LINEAR}


def test_all_linear_modules_of_some_layers() -> None:
    assert adapted(target_modules="all-linear", layers=[1, 2]) == {(layer, name) for layer in (1, 2) for name in LINEAR}


def test_named_modules_of_one_layer() -> None:
    assert adapted(layers=[0]) == {(0, "q_proj"), (0, "v_proj")}


def test_layers_are_fused_where_that_is_asked_for() -> None:
    method = FineTuned(target_modules="all-linear")
    plain, fused = (
        with_lora(LlamaForCausalLM(LlamaConfig(vocab_size=32, **SIZE)), method, fused=which) for which in (False, True)
    )
    counts = [sum(isinstance(module, FusedLoraLinear) for module in model.modules()) for model in (plain, fused)]
    assert counts == [0, 3 * len(LINEAR)]
