"""Experiments on a simulated model, which answers at once; trainings have a real one in its folder, of two layers."""

from __future__ import annotations

from pathlib import Path

from raycal.questions.question import Question
from raycal.questions.sources.load import load
from raycal.questions.sources.worldfacts import WorldFacts
from raycal.testing import Service, facts_of, simulated_model

LIMIT = 160  # questions, of which about half are for training
# Slow enough to be disturbed in the middle, and with something to kill.
SERVICE = Service(latency_s=0.2, own_process=True)

_EXPERIMENT = """
name: small
model: {{path: {model}, backend: simulated}}
questions: [{{source: worldfacts, limit: {limit}}}]
splits: {splits}
elicit: {{few_shot: 2, max_tokens: 8, samples: {{k: 4, top_p: 1.0}}}}
engine: {{batch_size: {batch_size}, batches_in_flight: 3}}
trainer: {{dtype: float32}}
methods:{methods}
evaluate: {{replicates: 200}}
"""

_UNFITTED = """
  - {method: zero_shot}
  - {method: verbalized, phrasing: probability}
  - {method: sampling, equivalence: token_overlap}
  - {method: likelihood}
  - {method: semantic_entropy}"""

_FITTED = """
  - {method: zero_shot}
  - {method: sampling, equivalence: token_overlap}
  - {method: classifier, layer: 2}
  - {method: fine_tuned, name: tuned, rank: 2, learning_rate: 0.01, epochs: 1, batch_size: 8, evaluations: 1}
  - {method: recalibrated, of: {method: zero_shot}, by: platt}
  - {method: combined, of: [{method: zero_shot}, {method: classifier, layer: 2}]}"""


def write_model(folder: Path, service: Service = SERVICE) -> None:
    """A simulated model that knows the world's facts, some of them well."""
    found = (*load(WorldFacts(limit=LIMIT)), *load(WorldFacts(limit=LIMIT, kind="choice")))
    simulated_model(folder, facts_of(one for one in found if isinstance(one, Question)), service)


def unfitted(model: Path) -> str:
    """An experiment with all methods that nothing is fitted for, in small batches: many can be cut off."""
    splits = "[calibration, test]"
    return _EXPERIMENT.format(model=model, limit=LIMIT, splits=splits, batch_size=4, methods=_UNFITTED)


def fitted(model: Path) -> str:
    """An experiment with all that is fitted; its model must be one that can be trained."""
    splits = "[train, calibration, test]"
    return _EXPERIMENT.format(model=model, limit=LIMIT, splits=splits, batch_size=16, methods=_FITTED)
