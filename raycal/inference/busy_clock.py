"""The time for which an engine was busy."""

from __future__ import annotations

import time


class BusyClock:
    """Wall-clock time with at least one request in flight."""

    def __init__(self) -> None:
        self._in_flight = 0
        self._since = 0.0
        self._total = 0.0

    def enter(self) -> None:
        """A request begins."""
        if self._in_flight == 0:
            self._since = time.monotonic()
        self._in_flight += 1

    def leave(self) -> None:
        """A request ends."""
        self._in_flight -= 1
        if self._in_flight == 0:
            self._total += time.monotonic() - self._since

    def total(self) -> float:
        """The seconds until now."""
        return self._total + (time.monotonic() - self._since if self._in_flight else 0.0)
