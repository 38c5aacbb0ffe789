"""A sweep as `ray job submit` runs it: python jobs/sweep.py FILE.yaml [--set KEY=VALUE] [--resume]."""

from __future__ import annotations

import typer

from raycal.cli import sweep

if __name__ == "__main__":
    typer.run(sweep)
