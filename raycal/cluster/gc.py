"""Python's garbage collector, kept from what there is nothing to collect in."""

from __future__ import annotations

import gc


def raise_gc_threshold() -> None:
    """Have the collector look after 100,000 new objects, not 700: it is a quarter of the time of a large import.

    What is dropped is freed at once all the same, but for what refers to itself.
    """
    gc.set_threshold(100_000)
