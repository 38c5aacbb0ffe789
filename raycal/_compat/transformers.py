"""transformers 5: what a model says of the attention that it takes."""

from __future__ import annotations

from typing import Any


def takes_attention(model: Any) -> bool:
    """Whether a model calls whatever attention function is registered."""
    return bool(model._supports_attention_backend)
