"""The base of every error that raycal itself raises."""

from __future__ import annotations


class RaycalError(Exception):
    """Something that a person can mend; the message says what was wrong, where, and what to do.

    Each error is a ValueError as well where an input is at fault, or a RuntimeError where a machine is.
    """
