"""LoRA adapters: where one is, what names it in a key, and its weights merged into its model's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raycal.errors import RaycalError
from raycal.store.atomic import atomic_folder, local_copy
from raycal.store.keys import digest, digest_files
from raycal.store.locations import Location, check

_REASON_LENGTH = 300
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class AdapterError(RaycalError, ValueError):
    """There is no adapter that can be used; the message says what is missing."""


@dataclass(frozen=True)
class Adapter:
    """An adapter in PEFT's format."""

    folder: Path  # on this machine
    fingerprint: str  # of its weights and configuration

    def __str__(self) -> str:
        return self.fingerprint

    @property
    def rank(self) -> int:
        """The rank of its matrices."""
        return int(json.loads((self.folder / CONFIG).read_text())["r"])


def find_adapter(folder: Location) -> Adapter:
    """The adapter in a folder. Raises AdapterError where there is none, or one that is not in safetensors.

    OSError within seconds where its bucket cannot be asked.
    """
    folder = folder.expanduser().resolve()
    check(folder)
    missing = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise AdapterError(f"the folder {folder} holds no adapter: it has no {' and no '.join(missing)}")
    local = local_copy(folder)
    return Adapter(local, digest_files(local / name for name in (CONFIG, WEIGHTS))[:16])


def merge(model: str, hub_revision: str | None, adapter: Adapter, cache: Path, *, fingerprint: str) -> Path:
    """The model's folder with the adapter's weights added to its own, made on first use (bfloat16).

    fingerprint: names what the model's folder holds, which may be replaced in place. Raises AdapterError for weights
    that PEFT finds no place for.
    """
    folder = cache / f"{digest(model, fingerprint, adapter)[:16]}"
    if folder.is_dir():
        return folder
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {"revision": hub_revision, "trust_remote_code": False}
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16, use_safetensors=True, **options)
    adapted = _adapted(base.float(), adapter, model)
    merged = adapted.merge_and_unload()
    with atomic_folder(folder) as aside:
        merged.to(torch.bfloat16).save_pretrained(aside)
        AutoTokenizer.from_pretrained(model, **options).save_pretrained(aside)
    return folder


def _adapted(base: Any, adapter: Adapter, name: str) -> Any:
    """A model under an adapter, all of whose weights have a place there. Raises AdapterError."""
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    path = adapter.folder / WEIGHTS
    try:
        adapted = PeftModel.from_pretrained(base, adapter.folder)
    except Exception as error:  # PEFT's errors over a file's content have no common base
        reason = " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__
        raise AdapterError(f"the adapter in {adapter.folder} cannot be put on {name}: {reason}") from error
    with safe_open(path, framework="pt") as file:
        unused = sorted(set(file.keys()) - set(get_peft_model_state_dict(adapted)))
    if unused:
        raise AdapterError(f"{path} does not fit {name}: there is no place for {unused[0]}")
    return adapted
