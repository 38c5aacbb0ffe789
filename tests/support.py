"""What tests share."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from raycal.methods.base import ScoredMethod
from raycal.methods.evidence import Confidence, Evidence
from raycal.models.prompts import CONFIDENCE_PROMPTS, CORRECTNESS
from raycal.stages.evidence import Embed, with_vectors
from raycal.store.locations import Location

# Every follow-up prompt that a method of ours has.
PROMPTS = (CORRECTNESS, *CONFIDENCE_PROMPTS.values())
Raycal = Callable[..., subprocess.CompletedProcess[str]]
SharedFolder = Callable[[str, Callable[[Path], object]], Path]


REPOSITORY = Path(__file__).parents[1]
PROGRAM = str(Path(sys.executable).with_name("raycal"))  # the command of this environment


def local(place: Location) -> Path:
    """A place that must be one of this machine."""
    assert isinstance(place, Path)
    return place


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


def no_embed(texts: list[str]) -> NDArray[np.float32]:
    """In place of an embedding model where no text is embedded."""
    raise AssertionError(f"nothing was to be embedded, and {texts} were")


def score(method: ScoredMethod, rows: Sequence[Evidence], embed: Embed = no_embed) -> list[Confidence]:
    """A method's confidences of some rows."""
    return [method.score(row) for row in with_vectors(method, rows, embed)]
