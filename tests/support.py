"""What tests share."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

Raycal = Callable[..., subprocess.CompletedProcess[str]]
SharedFolder = Callable[[str, Callable[[Path], object]], Path]


REPOSITORY = Path(__file__).parents[1]


def copy_code(to: Path) -> None:
    """What a job's working folder has of a clone."""
    for name in ("raycal", "jobs"):
        shutil.copytree(REPOSITORY / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))


def command_of(process: psutil.Process) -> str:
    """Its command line; empty where it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def heeding_interrupts() -> None:
    """As at a terminal: what a shell starts in the background, these tests perhaps, ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
