"""Where the adapter is put, and what its being one parameter changes: nothing."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from raycal.finetuning.kernels.fused_layers import FusedLoraLinear
from raycal.finetuning.model import Batch, QueryModel, with_lora
from raycal.methods.fine_tuned import FineTuned

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


def query_model(*, flat: bool) -> QueryModel:
    """A small model under an adapter that has learnt something."""
    torch.manual_seed(0)
    model = with_lora(LlamaForCausalLM(LlamaConfig(vocab_size=32, **SIZE)), FineTuned(dropout=0.0), fused=True)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    return QueryModel(model, (3, 4), flat=flat)


def gradient(parameter: torch.nn.Parameter) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad


BATCH = Batch(torch.arange(10).view(2, 5), torch.tensor([4, 3]), torch.tensor([0, 1]), torch.tensor([2, 1]))


def test_an_adapter_as_one_parameter_learns_the_same(tmp_path: Path) -> None:
    gradients, written = [], []
    for flat in (False, True):
        query = query_model(flat=flat)
        learning = [parameter for parameter in query.parameters() if parameter.requires_grad]
        assert (len(learning) == 1) is flat
        optimiser = torch.optim.SGD(learning, lr=0.1)
        for _ in range(2):  # the second by what the first has changed
            optimiser.zero_grad()
            query(BATCH).choice_logits.square().sum().backward()
            optimiser.step()
        gradients.append(torch.cat([gradient(parameter).flatten() for parameter in learning]))
        query.save_adapter(tmp_path / str(flat))
        written.append(load_file(tmp_path / str(flat) / "adapter_model.safetensors"))
    torch.testing.assert_close(gradients[1], gradients[0])
    torch.testing.assert_close(written[1], written[0])
    assert len(written[0]) == 3 * 2 * 2  # layers, query and value, A and B


def test_an_adapter_as_one_parameter_is_loaded_by_peft(tmp_path: Path) -> None:
    query = query_model(flat=True)
    query.save_adapter(tmp_path)
    torch.manual_seed(0)
    loaded = PeftModel.from_pretrained(LlamaForCausalLM(LlamaConfig(vocab_size=32, **SIZE)), str(tmp_path))
    torch.testing.assert_close(QueryModel(loaded, (3, 4))(BATCH).choice_logits, query(BATCH).choice_logits)


def test_an_adapter_as_one_parameter_can_be_switched_off_and_moved() -> None:
    query = query_model(flat=True)
    with query.as_base():
        base = query(BATCH).choice_logits
    assert not torch.allclose(query(BATCH).choice_logits, base)
    moved = query.to(torch.bfloat16)
    assert moved(BATCH).answer_states.dtype == torch.bfloat16
