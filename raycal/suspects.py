"""Questions that end their engine: found by asking those that were in flight when it ended again, one by one.

An engine that dies does not say which request it was. All that were in flight are suspects: the next replica asks each
of them alone, and the one with which an engine ends again is guilty and is asked no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

from raycal.engine import GenerationError
from raycal.keys import digest
from raycal.location import Location


class Suspicion(StrEnum):
    """What is known of a question that was in flight when an engine ended."""

    SUSPECT = "suspect"  # others were in flight too
    GUILTY = "guilty"


class Suspects:
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


class Turns:
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


class Refusing:
    """In place of an engine: every request fails for one reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __getattr__(self, request: str) -> Any:
        async def refuse(*_: Any, **__: Any) -> None:
            raise GenerationError(self._reason)

        return refuse
