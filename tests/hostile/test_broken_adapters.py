"""Adapters from anywhere: what is broken, of another kind or of another model ends in one sentence, by its file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from raycal.config.engine import ModelConfig
from raycal.errors import RaycalError
from raycal.experiment.config import Experiment
from raycal.methods.evidence import Evidence, Reply
from raycal.methods.fine_tuned import FineTuned
from raycal.models.adapters import CONFIG, WEIGHTS
from raycal.models.check_adapter import check_adapter
from raycal.models.find import find_model
from raycal.stages.artifacts import check_settings, read_settings
from raycal.stages.ask import with_adapter

MODULE = "base_model.model.model.layers.0.self_attn.q_proj"
Weights = dict[str, torch.Tensor]


def save_model(folder: Path, seed: int, width: int = 16, *, layers: int = 1) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    size = {"hidden_size": width, "intermediate_size": 32, "num_hidden_layers": layers, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=8, num_key_value_heads=2, **size))
    model.save_pretrained(folder)
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and an adapter that was trained on it."""
    root = tmp_path_factory.mktemp("made")
    save_model(root / "model", 0, layers=2)
    base = LlamaForCausalLM.from_pretrained(root / "model")
    config = LoraConfig(r=2, lora_alpha=2, target_modules=["q_proj", "down_proj"])
    get_peft_model(base, config).save_pretrained(root / "adapter")
    return root


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "adapter", tmp_path / "adapter")
    return tmp_path / "adapter"


def check(model: Path, adapter: Path) -> None:
    check_adapter(find_model(ModelConfig(path=str(model), adapter=adapter)))


def configured(**changes: Any) -> Callable[[Path], None]:
    def change(adapter: Path) -> None:
        config = json.loads((adapter / CONFIG).read_text()) | changes
        (adapter / CONFIG).write_text(json.dumps({name: value for name, value in config.items() if value != ...}))

    return change


def written(name: str, content: bytes) -> Callable[[Path], None]:
    def write(adapter: Path) -> None:
        (adapter / name).write_bytes(content)

    return write


def cut_off(adapter: Path) -> None:
    (adapter / WEIGHTS).write_bytes((adapter / WEIGHTS).read_bytes()[:-9])


def weighed(change: Callable[[Weights], Weights]) -> Callable[[Path], None]:
    def save(adapter: Path) -> None:
        weights = change(load_file(adapter / WEIGHTS))
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, adapter / WEIGHTS)

    return save


def renamed(old: str, new: str) -> Callable[[Path], None]:
    return weighed(lambda weights: {name.replace(old, new): tensor for name, tensor in weights.items()})


def header(**tensors: Any) -> bytes:
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text


ABSURD = header(
    **{f"{MODULE}.lora_A.weight": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4 * 10**18]}}
)
NAN = {f"{MODULE}.lora_A.weight": torch.full((2, 16), torch.nan)}
BROKEN: list[tuple[str, Callable[[Path], None], str]] = [
    ("a list as its configuration", written(CONFIG, b"[1]"), "must hold a JSON object"),
    ("null as its configuration", written(CONFIG, b"null"), "must hold a JSON object"),
    ("nested without an end", written(CONFIG, b"[" * 100_000), "nested too deep"),
    ("no JSON", written(CONFIG, b"{"), "is not JSON"),
    ("no text", written(CONFIG, b"\xff\xfe"), "is not JSON"),
    ("an endless configuration", written(CONFIG, b" " * (17 << 20)), "bytes"),
    ("empty", written(CONFIG, b""), "is not JSON"),
    ("no rank", configured(r=...), "the rank r must be a whole number"),
    ("true as its rank", configured(r=True), "the rank r must be a whole number"),
    ("a text as its rank", configured(r="8"), "the rank r must be a whole number"),
    ("another rank", configured(r=4), "is of rank 2"),
    ("another kind", configured(peft_type="IA3"), "of kind 'IA3'"),
    ("no kind", configured(peft_type=...), "of kind None"),
    ("an alpha that is none", configured(lora_alpha="x"), "lora_alpha"),
    ("other modules than it names", configured(target_modules=["k_proj"]), "is none of the target_modules"),
    ("no weights", written(WEIGHTS, b""), "no file of tensors"),
    ("weights in another format", written(WEIGHTS, b"PK\x03\x04" * 100), "no file of tensors"),
    ("weights cut off", cut_off, "no file of tensors"),
    ("weights of 10^18 numbers", written(WEIGHTS, ABSURD), "no file of tensors"),
    ("a header of all memory", written(WEIGHTS, (2**62).to_bytes(8, "little") + b"{}"), "no file of tensors"),
    ("NaN", weighed(lambda weights: weights | NAN), "infinite or NaN"),
    ("NaN in bfloat16", weighed(lambda weights: {name: tensor.bfloat16() for name, tensor in (weights | NAN).items()}),
     "infinite or NaN"),
    ("an infinity", weighed(lambda weights: {name: tensor / 0 for name, tensor in weights.items()}), "infinite or NaN"),
    ("whole numbers", weighed(lambda weights: {name: tensor.long() for name, tensor in weights.items()}), "is of I64"),
    ("a matrix without the other", weighed(lambda weights: {n: t for n, t in weights.items() if "lora_A" in n}),
     "do not fit together"),
    ("vectors", weighed(lambda weights: {name: tensor.flatten() for name, tensor in weights.items()}),
     "do not fit together"),
    ("other weights", renamed("lora_", "ia3_"), "it would change nothing"),
    ("modules without PEFT's prefix", renamed("base_model.model.", ""), "would not be used"),
    ("a layer that the model has not", renamed("layers.1", "layers.7"), "has no such module"),
]  # fmt: skip


@pytest.mark.parametrize(("break_it", "message"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_adapter_is_refused_by_its_file(
    made: Path, copied: Path, break_it: Callable[[Path], None], message: str
) -> None:
    break_it(copied)
    with pytest.raises(RaycalError) as raised:
        check(made / "model", copied)
    assert message in str(raised.value)
    assert str(copied) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_adapter_fits_the_model_that_it_was_trained_on_wherever_that_lies(made: Path, tmp_path: Path) -> None:
    check(made / "model", made / "adapter")
    shutil.copytree(made / "model", tmp_path / "copy")
    (tmp_path / "copy" / "generation_config.json").unlink()
    check(tmp_path / "copy", made / "adapter")


def test_a_model_that_moved_is_still_the_adapters(tmp_path: Path) -> None:
    save_model(tmp_path / "model", 1)
    base = LlamaForCausalLM.from_pretrained(tmp_path / "model")
    get_peft_model(base, LoraConfig(r=2, target_modules="all-linear")).save_pretrained(tmp_path / "adapter")
    check((tmp_path / "model").rename(tmp_path / "moved"), tmp_path / "adapter")


@pytest.mark.parametrize(("seed", "width", "message"), [(1, 16, "weights are others"), (0, 32, "weights are others")])
def test_another_model_is_refused(made: Path, tmp_path: Path, seed: int, width: int, message: str) -> None:
    save_model(tmp_path / "other", seed, width, layers=2)
    with pytest.raises(RaycalError, match=message):
        check(tmp_path / "other", made / "adapter")


def test_shapes_tell_another_model_where_the_one_it_was_trained_on_is_gone(copied: Path, tmp_path: Path) -> None:
    configured(base_model_name_or_path="/nowhere")(copied)
    save_model(tmp_path / "wide", 0, 32, layers=2)
    save_model(tmp_path / "shallow", 0, layers=1)
    with pytest.raises(RaycalError, match="has other weights there"):
        check(tmp_path / "wide", copied)
    with pytest.raises(RaycalError, match="has no such module"):
        check(tmp_path / "shallow", copied)


def test_weights_that_peft_has_no_place_for_are_not_merged(
    made: Path, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCAL_CACHE", str(tmp_path / "cache"))
    configured(target_modules=".*q_proj")(copied)
    with pytest.raises(RaycalError, match=r"does not fit .*: there is no place for .*down_proj"):
        _ = find_model(ModelConfig(path=str(made / "model"), adapter=copied)).merged_location


SETTINGS = [
    ("a list", b"[]", "must hold a JSON object"),
    ("null", b"null", "must hold a JSON object"),
    ("nested without an end", b'{"a":' * 100_000, "nested too deep"),
    ("no JSON", b"{'wording': 'yes_no'}", "is not JSON"),
    ("no text", b"\x80", "is not JSON"),
]


@pytest.mark.parametrize(("content", "message"), [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS])
def test_settings_that_are_none_are_refused_by_their_file(copied: Path, content: bytes, message: str) -> None:
    (copied / "raycal.json").write_bytes(content)
    for read in (
        lambda: read_settings(copied),
        lambda: check_settings(copied, FineTuned(adapter=copied), ["wording"]),
        lambda: with_adapter(Experiment(name="x"), copied),
    ):
        with pytest.raises(RaycalError, match=rf"raycal\.json .*{message}"):
            read()


@pytest.mark.parametrize("settings", [{"rank": "010"}, {"wording": [1]}, {"method": "sampling"}, {"strange": 1}])
def test_settings_of_something_else_are_refused_in_one_sentence(copied: Path, settings: dict[str, Any]) -> None:
    (copied / "raycal.json").write_text(json.dumps(settings))
    with pytest.raises(RaycalError, match=f"settings beside the adapter in .*: {next(iter(settings))}: ") as raised:
        with_adapter(Experiment(name="x"), copied)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("p", [float("nan"), float("inf"), -0.5, 1.5])
def test_a_reply_that_is_no_probability_is_one_rows_failure(p: float) -> None:
    def score(p: float) -> float | None:
        row = Evidence(question_id="q", question="q", answer="a", tuned=Reply(p=p))
        return FineTuned().score(row).value

    assert score(p) is None
    assert score(0.25) == 0.25
