"""Waiting for what may never come: Ray Data's own loop asks whether it can, once nothing has come for long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.data._internal.execution.execution_callback import ExecutionCallback


class Patience:
    """How long to wait for the next result before `check` is called, which raises where waiting is in vain."""

    def __init__(
        self, seconds: float, check: Callable[[], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._check = check
        self._clock = clock
        self._since = clock()

    def renew(self) -> None:
        """A result has come."""
        self._since = self._clock()

    def look(self) -> None:
        """Call `check` if it is time to; raises as that does."""
        if self._clock() - self._since > self._seconds:
            self._check()
            self.renew()

    def callback(self) -> type[ExecutionCallback]:
        """For `DataContext.custom_execution_callback_classes`: what is raised there ends the execution."""
        from ray.data._internal.execution.execution_callback import ExecutionCallback

        patience = self

        class Look(ExecutionCallback):  # type: ignore[misc]
            def on_execution_step(self, executor: object) -> None:
                patience.look()

        return Look
