"""PEFT 0.21: adapters of a layer class of one's own."""

from __future__ import annotations

from typing import Any


def with_layer(config: Any, base: type[Any], adapted: type[Any]) -> None:
    """Have a LoraConfig put `adapted` on layers of the class `base`."""
    config._register_custom_module({base: adapted})
