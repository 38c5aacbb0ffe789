"""Commands that a test starts, watches, disturbs and waits for."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import psutil
import pytest
from support import heeding_interrupts

T = TypeVar("T")

PATIENCE_S = 1200.0  # what hangs ends here; a busy machine takes many times what a quiet one does, and is no failure


class Background:
    """A command in a session of its own; it is gone after the block."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        self._output = tempfile.TemporaryFile("a+")  # noqa: SIM115  (appended to, so that it may be read meanwhile)
        self.process = psutil.Popen(
            list(command),
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(environment or {}),
            start_new_session=True,
            preexec_fn=heeding_interrupts,
        )

    def __enter__(self) -> Background:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        self._output.close()

    @property
    def said(self) -> str:
        """What it has said so far, on both streams."""
        self._output.seek(0)
        return self._output.read()

    def wait_until(self, what: Callable[[], T], every_s: float = 0.3) -> T:
        """Wait until something is so, and return it; fails at once where the command ends before that."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := what()):
            assert self.process.poll() is None, f"it ended before that:\n{self.said}"
            assert time.monotonic() < deadline, f"that did not come about:\n{self.said}"
            time.sleep(every_s)
        return found

    def end(self, within_s: float = PATIENCE_S) -> int:
        """Wait for its end; returns its exit status."""
        try:
            return int(self.process.wait(within_s))
        except psutil.TimeoutExpired:
            pytest.fail(f"it did not end within {within_s:g} s:\n{self.said}")

    def finish(self) -> str:
        """Wait for its end, which must be a good one; returns what it said."""
        assert self.end() == 0, self.said
        return self.said

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.end()
