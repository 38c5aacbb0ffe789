"""Types that tests share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Raycal = Callable[..., subprocess.CompletedProcess[str]]
