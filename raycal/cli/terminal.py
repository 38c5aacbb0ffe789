"""The terminal: nothing that is printed controls it but rich's own styles."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from raycal.text.secrets import redacted
from raycal.text.visible import visible


class Terminal(Console):
    """A console that shows control characters of what models, files and names say as marks."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See Console."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class LogFormatter(logging.Formatter):
    """Lines of a log without control characters and without the passwords of URLs."""

    def format(self, record: logging.LogRecord) -> Any:
        """See logging.Formatter."""
        return visible(redacted(super().format(record)))
