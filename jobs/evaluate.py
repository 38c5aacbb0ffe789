"""Evaluation as `ray job submit` runs it: python jobs/evaluate.py FILE.yaml [--set KEY=VALUE]."""

from __future__ import annotations

from raycal.cli.jobs import File, job, main
from raycal.cli.options import Overrides
from raycal.cli.render import print_metrics
from raycal.stages.pipeline import evaluate_stage, features_stage, score_stage


def evaluate(file: File, overrides: Overrides = None) -> None:
    """Give every answer a confidence by every method, and compute their metrics."""
    with job(file, overrides) as (run, console):
        features_stage(run, console)
        score_stage(run, console)
        print_metrics(evaluate_stage(run, console), console)


if __name__ == "__main__":
    main(evaluate)
