"""Values of any type as JSON that every parser reads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def to_json(value: Any) -> str:
    """A value as JSON that loses no digit: numbers as numbers where a float or an integer has all of their digits.

    NaN and infinity, for which JSON has no word, are null; what else it has no type for is a text.

    >>> print(to_json((Decimal("1.50"), Decimal("12345678901234567890.5"), float("nan"))))
    [
      1.5,
      "12345678901234567890.5",
      null
    ]
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float() | Decimal():
            return _number(value) if math.isfinite(value) else None
        case None | bool() | int() | str():
            return value
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def _number(value: float | Decimal) -> int | float | str:
    if isinstance(value, float):
        return value
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)
