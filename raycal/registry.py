"""Registries: classes of one kind under the names that experiment files use, ours and those of installed packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from raycal.errors import RaycalError
from raycal.text.suggest import nearest

ENTRY_POINT_GROUP = "raycal"

T = TypeVar("T")
C = TypeVar("C")


class UnknownNameError(RaycalError, ValueError):
    """A file names something that nothing registers; the message has the nearest name."""


class PluginError(RaycalError, RuntimeError):
    """An installed package that extends raycal cannot be used; the message names it."""


class Registry(Generic[T]):
    """Members of one kind by name: those in raycal, and those that installed packages register.

    A package names a module of its own in the entry-point group "raycal"; importing that module registers its members.

    >>> shapes: Registry[type] = Registry("shape", {})
    >>> @shapes.register("square")
    ... class Square: ...
    >>> shapes.get("square").__name__
    'Square'
    >>> shapes.get("sqare")
    Traceback (most recent call last):
        ...
    raycal.registry.UnknownNameError: there is no shape 'sqare': did you mean 'square'? There is: square
    """

    def __init__(self, kind: str, modules: Mapping[str, str]) -> None:
        """kind: what a member is called in errors. modules: by name, those that register a member when imported."""
        self._kind = kind
        self._modules = modules
        self._members: dict[str, T] = {}

    def register(self, name: str) -> Callable[[C], C]:
        """A decorator that gives a class its name. Raises PluginError where another class has that name."""

        def decorate(member: C) -> C:
            taken = self._members.get(name)
            if taken is not None and _path(taken) != _path(member):
                raise PluginError(f"two {self._kind}s are called {name!r}: {_path(taken)} and {_path(member)}")
            self._members[name] = member  # type: ignore[assignment]  # the decorated type is kept for callers
            return member

        return decorate

    def get(self, name: str) -> T:
        """The member of a name. Raises UnknownNameError and PluginError."""
        load_plugins()
        if name in self._modules:
            import_module(self._modules[name])
        if name not in self._members:
            raise UnknownNameError(f"there is no {self._kind} {name!r}: {nearest(name, self.names())}")
        return self._members[name]

    def names(self) -> list[str]:
        """All names, sorted. Raises PluginError."""
        load_plugins()
        for module in self._modules.values():
            import_module(module)
        return sorted(self._members)


@cache
def load_plugins() -> None:
    """Import what installed packages name in the entry-point group, once a process. Raises PluginError."""
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            point.load()
        except Exception as error:
            package = point.dist.name if point.dist else point.value
            raise PluginError(
                f"the package {package}, which extends raycal by {point.value}, cannot be imported: "
                f"{type(error).__name__}: {error}; mend it, or uninstall it"
            ) from error


def _path(member: object) -> str:
    return f"{getattr(member, '__module__', '')}.{getattr(member, '__qualname__', repr(member))}"
