"""YAML whose numbers are read in one way alone."""

from __future__ import annotations

from io import StringIO
from typing import Any

from raycal.config.strict import plain_number

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def check_numbers(text: str) -> None:
    """Raise YAMLError, with the line, for a number that YAML reads as another one than people do, or as no finite one.

    Such are 010 (8), 1:30 (90) and 0_1 (1).
    """
    import yaml

    resolver: Any = yaml.resolver.Resolver()
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if not isinstance(event, yaml.ScalarEvent):
            continue
        if (event.tag or resolver.resolve(yaml.ScalarNode, event.value, event.implicit)) not in _NUMBERS:
            continue
        try:
            plain_number(event.value)
        except ValueError as error:
            line = event.start_mark.line + 1 if event.start_mark else "?"
            raise yaml.YAMLError(f"line {line}: {error}") from error


def parse_value(text: str) -> Any:
    """A single value as plain data, its references not resolved yet. Raises YAMLError, and OmegaConf's errors.

    >>> parse_value("{k: 10, rate: 1e-4}")
    {'k': 10, 'rate': 0.0001}
    """
    from omegaconf import OmegaConf

    check_numbers(text)
    # As the item of a list, for OmegaConf loads no text that is a single number.
    items: Any = OmegaConf.to_container(OmegaConf.load(StringIO("- " + text.replace("\n", "\n  "))), resolve=False)
    return items[0]
