"""The built wheel, installed into an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from support import REPOSITORY

_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-cache-dir")


def install_wheel(folder: Path) -> Path:
    """Build raycal's wheel and install it; returns the environment's folder of programs.

    What raycal needs is taken from the environment of the tests: to install it anew would take minutes.
    """
    source = folder / "source"
    shutil.copytree(REPOSITORY / "raycal", source / "raycal", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    _run(*_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    shutil.rmtree(source)
    environment = folder / "environment"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    programs = environment / "bin"
    _run(*_PIP, "--python", programs / "python", "install", "--no-deps", "--no-index", "--no-compile", wheel)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return programs


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
