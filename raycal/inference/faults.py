"""Faults around an engine: stalls, restarts, and questions that end it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any
from uuid import uuid4

from raycal.inference.backend import GenerationError
from raycal.store.keys import digest
from raycal.store.locations import Location


class StallWatchdog:
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


class StartCounter:
    """The starts of one replica since it last did a row of work, a file each: they outlive its processes."""

    def __init__(self, folder: Location, replica: str) -> None:
        self._folder = folder
        self._replica = replica
        self._blame = folder / f"engine-of-{replica}"

    def note(self) -> int:
        """Note a start; returns how many there have been with this one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{self._replica}.{uuid4().hex}").touch()
        return len(self._notes())

    def blame_engine(self) -> None:
        """Note that it is the engine that ends this start."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._blame.touch()

    def engine_is_to_blame(self) -> bool:
        """Whether it was the engine that ended the last start; asked once."""
        was_engine = self._blame.is_file()
        self._blame.unlink(missing_ok=True)
        return was_engine

    def clear(self) -> None:
        """Take all of them back."""
        for path in self._notes():
            path.unlink(missing_ok=True)

    def _notes(self) -> list[Location]:
        return list(self._folder.glob(f"{self._replica}.*"))


class Suspicion(StrEnum):
    """What is known of a question that was in flight when an engine ended."""

    SUSPECT = "suspect"  # others were in flight too
    GUILTY = "guilty"


class CrashLog:
    """Notes that outlive a replica, a file each; they are taken back once there are rows for the question."""

    def __init__(self, folder: Location) -> None:
        self._folder = folder

    def read(self) -> Mapping[str, Suspicion]:
        """All notes by `name`."""

        def noted(kind: Suspicion) -> dict[str, Suspicion]:
            return {path.stem: kind for path in self._folder.glob(f"*.{kind}")}

        return noted(Suspicion.SUSPECT) | noted(Suspicion.GUILTY)

    def note(self, names: Iterable[str], kind: Suspicion) -> None:
        """Note questions by their names."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (self._folder / f"{name}.{kind}").touch()

    def clear(self, names: Iterable[str]) -> None:
        """Take back whatever was noted."""
        for name in names:
            for kind in Suspicion:
                (self._folder / f"{name}.{kind}").unlink(missing_ok=True)

    @staticmethod
    def name(row: Mapping[str, Any]) -> str:
        """What a row of work is called here."""
        return digest(row.get("key", row["question_id"]))


class ExclusiveTurns:
    """Rows are asked side by side, or one of them alone in its engine."""

    def __init__(self) -> None:
        self._change = asyncio.Condition()
        self._beside = 0
        self._alone = False

    @asynccontextmanager
    async def beside_others(self) -> AsyncIterator[None]:
        """While nothing is alone."""
        async with self._change:
            await self._change.wait_for(lambda: not self._alone)
            self._beside += 1
        try:
            yield
        finally:
            async with self._change:
                self._beside -= 1
                self._change.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Once all others have ended; those that come later wait."""
        async with self._change:
            await self._change.wait_for(lambda: not self._alone)
            self._alone = True
            await self._change.wait_for(lambda: not self._beside)
        try:
            yield
        finally:
            async with self._change:
                self._alone = False
                self._change.notify_all()


class RejectingBackend:
    """In place of an engine: every request fails for one reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, request: str) -> Any:
        async def refuse(*_: Any, **__: Any) -> None:
            raise GenerationError(self._reason)

        return refuse
