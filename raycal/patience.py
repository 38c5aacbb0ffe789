"""Waiting for what may never come: an iterator whose next item is late has somebody ask whether it can come at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def with_patience(items: Iterable[T], seconds: float, check: Callable[[], object]) -> Iterator[T]:
    """The same items; `check` is called whenever none has come for so long, and raises where waiting is in vain.

    The items are made in a thread, which is left behind where `check` raises.
    """
    iterator = iter(items)
    wanted: SimpleQueue[bool] = SimpleQueue()
    came: SimpleQueue[tuple[list[T], BaseException | None]] = SimpleQueue()

    def make() -> None:
        while wanted.get():
            try:
                came.put(([next(iterator)], None))
            except StopIteration:
                came.put(([], None))
            except BaseException as error:  # noqa: BLE001 - raised again below
                came.put(([], error))

    def wait() -> tuple[list[T], BaseException | None]:
        while True:
            try:
                return came.get(timeout=seconds)
            except Empty:
                check()

    Thread(target=make, name="with-patience", daemon=True).start()
    try:
        while True:
            wanted.put(True)
            item, error = wait()
            if error is not None:
                raise error
            if not item:
                return
            yield from item
    finally:
        wanted.put(False)
