"""The base of every part of an experiment file, and what of it enters keys."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from raycal.config.strict import plain_value
from raycal.registry import Registry
from raycal.store.locations import Location, location
from raycal.text.secrets import redacted, secret_key

if TYPE_CHECKING:
    Place = Location
else:  # the classes behind it are not for pydantic to know: a bucket's may not be installed
    Place = Annotated[object, PlainValidator(location), PlainSerializer(str, when_used="json")]


class Section(BaseModel):
    """A part of an experiment file: immutable, without room for keys that nobody reads, and without passwords.

    version: of what the options mean. Raise it in the class whose default, or whose arithmetic, changes: what was
    computed before then counts as something else. outside_keys: options that no number depends on, such as how fast
    it is computed; they enter no key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    version: ClassVar[int] = 1
    outside_keys: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _plain_values(cls, value: Any, info: ValidationInfo) -> Any:
        return plain_value(value, cls.model_fields[str(info.field_name)].annotation)

    @model_validator(mode="after")
    def _without_secrets(self) -> Self:
        """Refuse URLs with a password or a token: sections are stored, sent to workers and shown."""
        key = secret_key({name: getattr(self, name) for name in type(self).model_fields})
        if key is not None:
            raise ValueError(
                f"{key} has a password or token in it: leave it out, credentials and endpoint come from the environment"
            )
        return self

    def identity(self, *, exclude: Collection[str] = ()) -> str:
        """The options that differ from their defaults, as canonical JSON: what stands for a section in every key.

        A new option at its default changes no key. `exclude` names options that the key does not depend on.

        >>> from raycal.methods.sampling import Sampling
        >>> Sampling().identity(), Sampling(k=5, name="five").identity()
        ('{"method": "sampling", "version": 2}', '{"k": 5, "method": "sampling", "version": 2}')
        """
        return json.dumps(self._distinguishing(exclude), sort_keys=True)

    def _distinguishing(self, exclude: Collection[str] = (), *, versions: bool = True) -> dict[str, Any]:
        options: dict[str, Any] = {"version": self.version} if versions and self.version > 1 else {}
        for name, field in type(self).model_fields.items():
            if field.exclude or name in exclude or name in self.outside_keys:
                continue
            value = _plain(getattr(self, name), versions=versions)
            if field.is_required() or _is_tag(field) or value != plain_default(field):
                options[name] = value
        return options

    def _as_option(self, *, versions: bool) -> Any:
        """What stands for the section in the key of one that holds it."""
        return self._distinguishing(versions=versions)


class NamedSection(Section):
    """A section of which there are kinds, told apart by one key of it, whose value is a name in a registry.

    kind_key: that key. kinds: where a class of this base stands by its name. A field for any kind is annotated
    `Annotated[SerializeAsAny[Base], PlainValidator(Base.read)]`.
    """

    kind_key: ClassVar[str]
    kinds: ClassVar[Registry[type[Any]]]

    @classmethod
    def read(cls, value: object) -> Self:
        """A section of any kind, of plain data or as it is. Raises ValueError, and PluginError."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"write it as a mapping with its {cls.kind_key}, and not as {redacted(repr(value))}")  # noqa: TRY004
        if cls.kind_key not in value:
            raise ValueError(f"it has no {cls.kind_key}: name one")
        section: Self = cls.kinds.get(str(value[cls.kind_key])).model_validate(value)
        return section


def plain_default(field: FieldInfo) -> Any:
    """An option's default as plain data, by which it is decided whether the option enters a key."""
    # Without versions, so that a section that has one is never at its default.
    return _plain(field.get_default(call_default_factory=True), versions=False)


def _plain(value: Any, *, versions: bool) -> Any:
    match value:
        case Section():
            return value._as_option(versions=versions)
        case tuple():
            return [_plain(item, versions=versions) for item in value]
        case _:
            return to_jsonable_python(value, fallback=str)


def _is_tag(field: FieldInfo) -> bool:
    """Whether a field tells the members of a union apart: it has one possible value."""
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
