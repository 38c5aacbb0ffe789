"""The lines of a sweep: what all trials share, then the trainings of as many trials as may train."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

from raycal.methods.base import tunings
from raycal.methods.fine_tuned import FineTuned
from raycal.plan.context import Basis
from raycal.plan.lines import PlanLine
from raycal.plan.training import training_line, tuned_line
from raycal.stages.finetune import adapter_folder
from raycal.sweep.config import Sampler
from raycal.sweep.runner import Sweep
from raycal.sweep.space import Entry

# Options that decide how long a training is, of which a plan takes the most.
_LONGEST = ("training_questions", "epochs", "evaluations", "divergence_weight")
_COUNTS = ("rows", "there", "requests", "prompt_tokens", "generated_tokens")
_ASKED = ("of", "few_shot", "wording", "model")


def trial_lines(basis: Basis, sweep: Sweep) -> list[PlanLine]:
    """The trainings of the trials, then what scoring the findings on test asks of tuned models; none without either.

    Which trials train is for the sampler to say: the line is of the longest training, as often as there are trials that
    could be one. Raises NothingToLearnError.
    """
    entries = [entry for entry in sweep.space.entries if _trainings(entry)]
    if not entries:
        return []
    trainings = [training_line(basis, one, None) for entry in entries for one in _trainings(entry)]
    longest = max(trainings, key=lambda line: line.tokens)
    labels = {entry.label for entry in entries}
    ended = [trial["entry"] in labels for trial in sweep.trials()]
    there, grid = sum(ended), sweep.config.sampler is Sampler.GRID
    left = max(0, _trials_of_grid(sweep, labels) - there if grid else sweep.config.trials - len(ended))
    trials = replace(
        longest,
        stage=f"train, {there + left} trials at most",
        rows=(there + left) * longest.rows,
        there=there * longest.rows,
        requests=left * longest.rows,
        prompt_tokens=left * longest.prompt_tokens,
    )
    return [trials, *(line for entry in entries for line in _final(basis, entry))]


def _final(basis: Basis, entry: Entry) -> list[PlanLine]:
    """The training that an entry's default needs, and what it and the best setting are asked about test."""
    lines = []
    for tuned in tunings([entry.default]):
        if tuned.adapter is not None:
            continue
        folder = adapter_folder(basis.run, tuned)
        asked = tuned_line(basis, tuned, folder)
        twice = {name: 2 * getattr(asked, name) for name in _COUNTS}
        lines += [
            replace(training_line(basis, tuned, folder), stage=f"train {entry.label}, default"),
            replace(asked, stage=f"ask {entry.label}, default and best", **twice),
        ]
    return lines


def _trainings(entry: Entry) -> list[FineTuned]:
    """The trainings that an entry's trials may need, each the longest of its kind."""
    most = {name: max(entry.options[name].ends, key=_size) for name in _LONGEST if name in entry.options}
    methods = [entry.configured(most | values) for values in entry.combinations(_ASKED)]
    return [tuned for tuned in tunings(methods) if tuned.adapter is None]


def _size(value: float | None) -> float:
    return math.inf if value is None else value  # of training questions, None is all


def _trials_of_grid(sweep: Sweep, labels: Collection[str]) -> int:
    """How many trials of a grid are of some entries."""
    written = [str(point.get("name") or point["method"]) for point in sweep.config.points_to_evaluate]
    entries = [entry for entry in sweep.space.entries if entry.label in labels]
    return sum(label in labels for label in written) + sum(entry.size(list(entry.options)) for entry in entries)
