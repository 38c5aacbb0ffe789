"""Confidence methods, a module each: its options, its needs, its arithmetic.

The class of a method is found here too: `raycal.methods.ZeroShot` is that of the module zero_shot.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def __getattr__(name: str) -> Any:
    if name[0].isupper():
        for module in iter_modules(__path__):
            if module.name.replace("_", "") == name.lower():
                return getattr(import_module(f"{__name__}.{module.name}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
