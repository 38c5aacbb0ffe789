"""How often a replica was started without coming to anything: a bad day, or an engine that cannot live?"""

from __future__ import annotations

from uuid import uuid4

from raycal.location import Location


class Restarts:
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
