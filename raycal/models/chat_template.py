"""A model's chat template, which is a program from wherever the model is from: it may fail, and must end."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import Any

from raycal.errors import RaycalError

_LIMIT_S = 30.0  # a thousand times what a template takes
_ROOM = 1 << 20  # characters that a template may write beside twice what it is given
_REASON_LENGTH = 300


class TemplateError(RaycalError, ValueError):
    """A chat template does not do its work; the message names the model's files."""


def apply_template(tokenizer: Any, messages: Sequence[dict[str, str]]) -> str:
    """A conversation as the tokenizer's chat template writes it, up to where the model speaks. Raises TemplateError.

    messages: as the template takes them.
    """
    where = f"the chat template of {tokenizer.name_or_path or 'the tokenizer'}"
    outcome: list[str | Exception] = []

    def run() -> None:
        try:
            with suppress(SystemExit):  # of `_end`
                outcome.append(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))
        except Exception as error:  # noqa: BLE001 - whatever the program raises; it is raised again below
            outcome.append(error)

    thread = Thread(target=run, name="chat-template", daemon=True)
    thread.start()
    thread.join(_LIMIT_S)
    if not outcome:
        _end(thread)
        raise TemplateError(f"{where} does not end within {_LIMIT_S:g} seconds")
    (written,) = outcome
    if isinstance(written, Exception):
        reason = " ".join(str(written).split())[:_REASON_LENGTH] or type(written).__name__
        raise TemplateError(f"{where} fails: {reason}") from written
    if len(written) > _ROOM + 2 * sum(len(message["content"]) for message in messages):
        raise TemplateError(f"{where} writes {len(written):,} characters, far more than it is given")
    return written


def _end(thread: Thread) -> None:
    """Have a thread of Python code end, which would compute for ever beside all else."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
