"""Whether two mathematical expressions have one value, by math-verify, in a process that may be killed.

A reply is data: `9^{9^{9^9}}` computes for ever within one operation, which no signal ends, and other expressions take
all memory. So they are compared in processes of their own, each comparison for `SECONDS` at most and in `MEMORY` bytes.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import resource
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError
from functools import cache

from pebble import ProcessExpired, ProcessPool

SECONDS = 5.0
MEMORY = 4 << 30
_LONGEST = 2_000  # characters; what is longer is a text and no expression
_MOST_PROCESSES = 4


def equal_values(pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
    """For pairs of an accepted and a given expression, as LaTeX or plain text, whether they are equal.

    None where that was not found out in time. What cannot be read as mathematics is equal to nothing.

    >>> equal_values([(r"\\frac{1}{2}", "0.5"), ("(1, 2)", "(2, 1)")])
    [True, False]
    """
    readable = [max(map(len, pair)) <= _LONGEST for pair in pairs]
    compared = iter(_compared([pair for pair, is_readable in zip(pairs, readable, strict=True) if is_readable]))
    return [next(compared) if is_readable else False for is_readable in readable]


def _compared(pairs: Sequence[tuple[str, str]]) -> Iterator[bool | None]:
    if not pairs:
        return
    results = _pool().map(_is_equal, pairs, chunksize=1, timeout=SECONDS).result()
    for _ in pairs:
        try:
            yield next(results)
        except (TimeoutError, ProcessExpired, MemoryError):
            yield None


@cache
def _pool() -> ProcessPool:
    pool = ProcessPool(
        max_workers=min(_MOST_PROCESSES, os.cpu_count() or 1),
        initializer=_prepare,
        context=multiprocessing.get_context("spawn"),
    )
    atexit.register(pool.stop)
    return pool


def _prepare() -> None:
    """Limit the process, and import what takes a second before the time of a comparison runs."""
    import math_verify  # noqa: F401

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns of timeouts that are not its own
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _is_equal(pair: tuple[str, str]) -> bool:
    from math_verify import verify

    accepted, given = pair
    # Without its own timeouts: they are signals, which neither end a single operation nor work in a thread.
    return bool(verify(_read(accepted), _read(given), timeout_seconds=None, raise_on_error=False))


def _read(text: str) -> list[object]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse

    marked = text if any(mark in text for mark in ("$", r"\(", r"\[", r"\boxed")) else f"${text}$"
    extraction = [LatexExtractionConfig(), ExprExtractionConfig()]
    parsed = parse(marked, extraction_config=extraction, parsing_timeout=None, raise_on_error=False)
    return list(parsed)
