"""Short labels of methods, for where there is little room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, count

_LONGEST = 32


def shown(label: str) -> str:
    """A label or the name of an option as text."""
    return label.replace("_", " ")


def short_labels(labels: Sequence[str]) -> dict[str, str]:
    """Label -> itself where it has at most 32 characters, else a short one; no two share one.

    Options in brackets give way: first those of a method's parts, then those that all of its namesakes have too, then
    the rest. What is taken by then gets a number.
    """
    short = {label: label for label in labels if len(label) <= _LONGEST}
    for label in labels:
        if label not in short:
            text = _shortened(label, labels)
            tries = chain([text], (f"{text} ({number})" for number in count(2)))
            short[label] = next(name for name in tries if name not in short.values())
    return short


def _shortened(label: str, labels: Sequence[str]) -> str:
    name = _cut(label, 0)
    namesakes = [_cut(other, 1) for other in labels if _cut(other, 0) == name]
    texts = (_cut(label, 1), _told_apart(_cut(label, 1), namesakes), name)
    return next((text for text in texts if len(text) <= _LONGEST), f"{name[: _LONGEST - 1]}…")


def _cut(label: str, depth: int) -> str:
    """What stands in at most so many brackets."""
    kept, inside = [], 0
    for character in label:
        inside += character == "("
        if inside <= depth:
            kept.append(character)
        inside -= character == ")" and inside > 0
    return re.sub(r"\s+(?=[,)]|$)", "", re.sub(r"\s+", " ", "".join(kept)))


def _told_apart(label: str, namesakes: Sequence[str]) -> str:
    name, options, rest = _parts(label)
    shared = set.intersection(*(set(_parts(other)[1]) for other in namesakes))
    own = [option for option in options if option not in shared]
    return f"{name} ({', '.join(own)}){rest}" if own else f"{name}{rest}"


def _parts(label: str) -> tuple[str, list[str], str]:
    parts = re.fullmatch(r"(.*?) \((.*)\)(.*)", label)
    return (parts[1], parts[2].split(", "), parts[3]) if parts else (label, [], "")
