"""Passwords and tokens in URLs: whether a text has any, and the text without them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from urllib.parse import unquote

# With one slash too, which pathlib leaves of two. A word is looked at once: it may be long.
_URL = re.compile(r"(?<![\w+.-])[A-Za-z][\w+.-]+:/+\S*")
_USERS = (
    # user:password, and no host:port
    re.compile(r"^([\w+.-]+:/+)(?=\S*@)[^/?#@\[\]]*:(?!\d+(?:[/?#]|$))\S*@"),
    re.compile(r"^(https?:/+)[^/?#@]+@", re.IGNORECASE),  # of HTTP, the user may be a token
)
_PARAMETER = re.compile(r"([?&;])([^=?&;\s]+)=[^&;\s]+")
_SECRET_ENDS = (
    *("password", "passwd", "passphrase", "secret", "token", "signature", "credential", "credentials"),
    *("apikey", "accesskey", "accesskeyid", "secretkey", "privatekey", "accountkey"),
)
_SECRET_WORDS = ("pass", "pwd", "auth", "sig", "key")
_HIDDEN = "***"


def redacted(text: str) -> str:
    """A text with asterisks in place of the passwords and tokens in its URLs.

    >>> redacted("cannot open postgresql://me:secret@host/db?sslmode=require")
    'cannot open postgresql://***@host/db?sslmode=require'
    """
    return _URL.sub(lambda url: _redacted_url(url[0]), text)


def _redacted_url(url: str) -> str:
    shown = _without_secrets(url)
    plain = unquote(url)
    if shown == url and _without_secrets(plain) != plain:  # a connection string as a parameter of another
        return f"{url.partition(':')[0]}://{_HIDDEN}"
    return shown


def _without_secrets(url: str) -> str:
    for user in _USERS:
        url = user.sub(rf"\g<1>{_HIDDEN}@", url)
    return _PARAMETER.sub(lambda parameter: _hide(parameter) if _is_secret(parameter[2].lower()) else parameter[0], url)


def _hide(parameter: re.Match[str]) -> str:
    return f"{parameter[1]}{parameter[2]}={_HIDDEN}"


def _is_secret(name: str) -> bool:
    words = re.split(r"[_.-]", name)
    return words[-1] in _SECRET_WORDS or "".join(words).endswith(_SECRET_ENDS)


def has_secret(text: str) -> bool:
    """Whether a URL in a text has a password or a token in it.

    >>> has_secret("https://host:8000/v1"), has_secret("https://host/v1?api_key=abc")
    (False, True)
    """
    return redacted(text) != text


def secret_key(options: object, key: str = "") -> str | None:
    """The dotted key of the first text in plain data that has a secret, as "sweep.study"; None where none has."""
    match options:
        case str() | PurePath():
            return key if has_secret(str(options)) else None
        case Mapping():
            parts: Sequence[tuple[object, object]] = list(options.items())
        case list() | tuple():
            parts = list(enumerate(options))
        case _:
            return None
    keys = (secret_key(part, f"{key}.{name}" if key else str(name)) for name, part in parts)
    return next((inner for inner in keys if inner is not None), None)
