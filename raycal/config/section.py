"""What every part of an experiment file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of an experiment file: immutable, and without room for keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)
