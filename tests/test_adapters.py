"""The merged weights of a small model, which is replaced in place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from raycal.config.engine import ModelConfig
from raycal.models.adapters import WEIGHTS
from raycal.models.find import find_model

SIZE = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
PROJECTION = "model.layers.0.self_attn.q_proj.weight"


def tiny_llama(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(vocab_size=8, num_key_value_heads=2, **SIZE))


def save_model(folder: Path, seed: int) -> torch.Tensor:
    """Write a model into a folder, over what was there; returns one of its weights."""
    model = tiny_llama(seed)
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"a": 0}, "a"))).save_pretrained(folder)
    weight: torch.Tensor = model.state_dict()[PROJECTION]
    return weight


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """An adapter that adds the product of two matrices of ones to a projection."""
    config = LoraConfig(r=2, lora_alpha=2, target_modules=["q_proj"])
    tuned = get_peft_model(tiny_llama(0), config)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_" in name:
                weight.fill_(1)
    tuned.save_pretrained(tmp_path / "adapter")
    assert (tmp_path / "adapter" / WEIGHTS).is_file()
    return tmp_path / "adapter"


def test_a_model_replaced_in_its_folder_is_merged_anew_and_one_put_back_is_not(
    tmp_path: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCAL_CACHE", str(tmp_path / "cache"))
    config = ModelConfig(path=str(tmp_path / "model"), adapter=adapter)

    def merged(seed: int) -> Path:
        base = save_model(tmp_path / "model", seed)
        folder = Path(find_model(config).merged_location)
        weight = AutoModelForCausalLM.from_pretrained(folder).state_dict()[PROJECTION]
        # The product of 16 x 2 and 2 x 16 ones, in bfloat16's precision.
        torch.testing.assert_close(weight.float(), base + 2, atol=2e-2, rtol=0)
        return folder

    first, second = merged(seed=1), merged(seed=2)
    assert first != second
    written = (first / "config.json").stat().st_mtime_ns
    assert merged(seed=1) == first
    assert (first / "config.json").stat().st_mtime_ns == written
    assert len(list((tmp_path / "cache" / "merged").iterdir())) == 2
    assert json.loads((first / "config.json").read_text())["dtype"] == "bfloat16"
