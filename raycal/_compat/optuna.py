"""Optuna 5: a study's storage."""

from __future__ import annotations

from typing import Any


def storage_of(study: Any) -> Any:
    """The storage object behind a study, to open the study with again."""
    return study._storage
