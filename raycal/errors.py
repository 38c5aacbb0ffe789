"""The base of every error that raycal itself raises."""

from __future__ import annotations


class RaycalError(Exception):
    """Something that a person can mend; the message says what was wrong, where, and what to do.

    Each error is a ValueError as well where an input is at fault, or a RuntimeError where a machine is.
    """


def reason_of(error: OSError) -> str:
    """Why something cannot be used, as a part of a sentence: names and acronyms keep their capitals.

    >>> reason_of(FileNotFoundError(2, "No such file or directory")), reason_of(OSError(5, "AWS is away"))
    ('no such file or directory', 'AWS is away')
    """
    text = error.strerror or str(error) or "the reason is not known"
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2].isspace() else text
