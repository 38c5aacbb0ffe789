"""What every part of an experiment file is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator

from raycal.location import Location, location

if TYPE_CHECKING:
    Place = Location
else:  # the classes behind it are not for pydantic to know: a bucket's may not be installed
    Place = Annotated[object, PlainValidator(location), PlainSerializer(str, when_used="json")]


class Section(BaseModel):
    """A part of an experiment file: immutable, and without room for keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)
