"""The one rule for values of the environment in an experiment file: they stand only where no row has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Keys that may be ${oc.env:NAME}. RUNS has no storage, and no row has anything of a sweep's own section.
UNSTORED = ("storage", "sweep.study", "sweep.mlflow")
_FROM_ENVIRONMENT = re.compile(r"(?<!\\)\$\{[\s\w.]*\benv\b")
_REFERENCE = r"(?<!\\)\$\{{[^}}]*\b{name}\b"


def stored_environment(content: object) -> str | None:
    """The first dotted key, other than those of UNSTORED, whose value comes from the environment.

    content: of a file, as plain data before it is resolved. A reference to a key with such a value counts too.
    """
    texts = dict(_texts(content))
    names = [key.rpartition(".")[2] for key in _from_environment(texts)]
    sources = [_FROM_ENVIRONMENT, *(re.compile(_REFERENCE.format(name=name)) for name in names)]
    stored = (key for key, text in texts.items() if key not in UNSTORED and any(one.search(text) for one in sources))
    return next(stored, None)


def drop_environment(content: dict[str, Any]) -> None:
    """Take the values of another machine's environment out of a file's content; the rest can be read on this one."""
    for key in _from_environment(dict(_texts(content))):
        section, _, name = key.rpartition(".")
        del (content[section] if section else content)[name]


def _from_environment(texts: Mapping[str, str]) -> list[str]:
    return [key for key in UNSTORED if _FROM_ENVIRONMENT.search(texts.get(key, ""))]


def _texts(content: object, key: str = "") -> Iterator[tuple[str, str]]:
    """The texts in plain data, each with its dotted key."""
    match content:
        case str():
            yield key, content
        case Mapping():
            for name, part in content.items():
                yield from _texts(part, f"{key}.{name}" if key else str(name))
        case list():
            for place, part in enumerate(content):
                yield from _texts(part, f"{key}.{place}")
