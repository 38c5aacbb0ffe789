"""The check of an adapter from anywhere: that it is one, that its weights are numbers, and that it fits its model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from raycal.models.adapters import CONFIG, WEIGHTS, Adapter, AdapterError
from raycal.models.find import CONFIG as MODEL_CONFIG
from raycal.models.find import Model, local_folder
from raycal.models.tensors import Tensor, check_finite, read_header
from raycal.store.json_file import read_object

_KIND = "LORA"
_PAIRS = (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B"))  # PEFT's names of the matrices
_PREFIX = "base_model.model."
_INDEX = "model.safetensors.index.json"

Shape = tuple[int, ...]


@cache  # its files are large; the adapter has the name of what they hold
def check_adapter(model: Model) -> None:
    """Raise AdapterError where a model's adapter is broken, or was trained for another one; nothing without an adapter.

    What a model of the hub is like is known where it is in this machine's cache. Raises JsonFileError and
    TensorFileError for files that cannot be read.
    """
    if model.adapter is None:
        return
    config = _checked_config(model.adapter)
    path = model.adapter.folder / WEIGHTS
    tensors = read_header(path)
    changes = _weight_changes(path, tensors, config)
    base = local_folder(model)
    if base is not None and not config.get("target_parameters"):
        _check_base(model, model.adapter, config, base)
        _check_fit(model, path, changes, base)
    check_finite(path, tensors)


def _checked_config(adapter: Adapter) -> dict[str, Any]:
    path = adapter.folder / CONFIG
    config = read_object(path)
    kind, rank = config.get("peft_type"), config.get("r")
    if kind != _KIND:
        raise AdapterError(f"{path}: the adapter is of kind {kind!r}, and raycal uses those of kind {_KIND!r}")
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        raise AdapterError(f"{path}: the rank r must be a whole number of at least 1, and is {rank!r}")
    alpha = config.get("lora_alpha", 1)
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not 0 < abs(alpha) < math.inf:
        raise AdapterError(f"{path}: lora_alpha must be a finite number other than 0, and is {alpha!r}")
    return config


def _weight_changes(path: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Shape]:
    """By module of the base model, the sides (inputs, outputs) of the matrix that the adapter adds to its weights."""
    changes: dict[str, Shape] = {}
    for first, second in _PAIRS:
        for name in [name for name in tensors if name.endswith(f".{first}")]:
            module = name.removesuffix(f".{first}")
            down, up = tensors[name], tensors.get(f"{module}.{second}")
            if up is None or min(len(down.shape), len(up.shape)) < 2 or down.shape[0] != up.shape[1]:
                raise AdapterError(f"{path}: the two matrices of {module} do not fit together, or one is missing")
            if down.shape[0] != config["r"] and not config.get("rank_pattern"):
                raise AdapterError(f"{path}: {module} is of rank {down.shape[0]}, and {CONFIG} says {config['r']}")
            if not name.startswith(_PREFIX) or not _is_targeted(module, config.get("target_modules")):
                raise AdapterError(f"{path}: {module} is none of the target_modules in {CONFIG}, and would not be used")
            changes[module.removeprefix(_PREFIX)] = (down.shape[1], up.shape[0])
    if not changes:
        raise AdapterError(f"{path} has no weights of a LoRA adapter: it would change nothing")
    return changes


def _is_targeted(module: str, targets: object) -> bool:
    """Whether PEFT puts an adapter on a module; a pattern is for PEFT to tell."""
    return not isinstance(targets, list) or any(f".{module}".endswith(f".{target}") for target in targets)


def _check_base(model: Model, adapter: Adapter, config: Mapping[str, Any], base: Path) -> None:
    """Compare with the model that the adapter says it was trained on, where that is still here."""
    named = config.get("base_model_name_or_path")
    if not isinstance(named, str) or "\0" in named:
        return
    trained_on = Path(named).expanduser()
    if not named or not trained_on.is_dir() or trained_on.resolve() == base.resolve():
        return
    weights, others = _weights_name(base), _weights_name(trained_on)
    if weights and others and weights != others:
        raise AdapterError(
            f"the adapter in {adapter.folder} was trained on the model in {named}, whose weights are others than those "
            f"of {model.name}: ask it on its own model"
        )


def _weights_name(folder: Path) -> str:
    """A hash of a folder's weights: of each file's header, size and last bytes; empty where there are none."""
    h = hashlib.blake2b(digest_size=8)
    files = sorted(folder.glob("*.safetensors"))
    for path in files:
        size = path.stat().st_size
        with path.open("rb") as file:
            h.update(file.read(1 << 20))
            file.seek(max(0, size - (1 << 20)))
            h.update(file.read())
    return h.hexdigest() if files else ""


def _check_fit(model: Model, path: Path, changes: Mapping[str, Shape], base: Path) -> None:
    shapes = _base_shapes(base)
    if not shapes:
        return
    for module, (inputs, outputs) in changes.items():
        candidates = shapes.get(_place(module), [])
        if any(sorted(shape[:2]) == sorted((inputs, outputs)) for shape in candidates):
            continue
        reason = f"has other weights there, {candidates[0]}" if candidates else "has no such module"
        raise AdapterError(
            f"{path} does not fit {model.name}: it changes {module} ({outputs} x {inputs}), and the model {reason}: "
            "ask it on the model that it was trained on"
        )


def _base_shapes(folder: Path) -> dict[str, list[Shape]]:
    """The shapes of a model's weights by the place of their module; none where they are not here as they are used."""
    config = read_object(folder / MODEL_CONFIG)
    if "quantization_config" in config:
        return {}
    shapes: dict[str, list[Shape]] = {}
    for path in _weight_files(folder):
        for name, tensor in read_header(path).items():
            if name.endswith(".weight") and len(tensor.shape) >= 2:
                shapes.setdefault(_place(name.removesuffix(".weight")), []).append(tensor.shape)
    if shapes and "lm_head" not in shapes:  # the embeddings are used there
        shapes["lm_head"] = shapes.get("embed_tokens", []) + shapes.get("wte", [])
    return shapes


def _weight_files(folder: Path) -> Iterator[Path]:
    """The files of a model's weights, where all of them are here."""
    index = folder / _INDEX
    parts = read_object(index).get("weight_map") if index.is_file() else {"": "model.safetensors"}
    paths = [folder / str(name) for name in set(parts.values())] if isinstance(parts, dict) else []
    if all(path.is_file() for path in paths):
        yield from sorted(paths)


def _place(module: str) -> str:
    """What a module is called whatever stands around the layers: "layers.0.self_attn.q_proj", or the last name."""
    parts = module.split(".")
    numbers = [place for place, part in enumerate(parts) if part.isdecimal()]
    return ".".join(parts[numbers[0] - 1 :] if numbers and numbers[0] else parts[-1:])
