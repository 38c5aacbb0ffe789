"""The loading of tokenizers, which are files from anywhere."""

from __future__ import annotations

from typing import Any

from raycal.models.find import ModelError

_REASON_LENGTH = 300


def load_tokenizer(location: str, revision: str | None, *, local_only: bool = False) -> Any:
    """A model's tokenizer. Raises ModelError.

    location: a folder, or a repository of the hub. local_only: nothing is fetched.
    """
    from transformers import AutoTokenizer

    options = {"revision": revision, "trust_remote_code": False, "local_files_only": local_only}
    try:
        return AutoTokenizer.from_pretrained(location, **options)
    except Exception as error:  # errors of the library, and of the one in Rust beneath it, have no common base
        reason = " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__
        raise ModelError(f"the tokenizer of {location} cannot be loaded: {reason}") from error
