"""Fine-tuning as `ray job submit` runs it: python jobs/finetune.py FILE.yaml [--set KEY=VALUE]."""

from __future__ import annotations

from raycal.cli.jobs import File, job, main
from raycal.cli.options import Overrides
from raycal.stages.pipeline import finetune_stage


def finetune(file: File, overrides: Overrides = None) -> None:
    """Train the adapters that the methods need, and ask the tuned models."""
    with job(file, overrides) as (run, console):
        finetune_stage(run, console)


if __name__ == "__main__":
    main(finetune)
