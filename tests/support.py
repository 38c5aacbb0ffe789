"""What tests share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import psutil

Raycal = Callable[..., subprocess.CompletedProcess[str]]


def command_of(process: psutil.Process) -> str:
    """Its command line; empty where it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
