"""The model card beside an adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, StrictUndefined

from raycal.finetuning.job import FinetuneJob

_CARD = """\
---
base_model: {{ job.model.name }}
library_name: peft
tags: [raycal, calibration, lora]
---

# {{ job.adapter_id }}

A LoRA adapter of {{ job.model }} that makes it say how likely its answer is correct (raycal, method fine_tuned; after
Kapoor et al. 2024, arXiv 2406.08391). It is asked, after a question and the model's own answer:

{{ query.text | indent(4, first=true) }}

p(correct) is the softmax of the last position over the last tokens of "{{ query.no }}" (no) and
"{{ query.yes }}" (yes).

| step | loss | divergence, nats | calibration loss | calibration ECE | calibration AUROC |
|---|---|---|---|---|---|
{% for row in curve -%}
| {{ row.step }} | {{ number(row.loss) }} | {{ number(row.divergence) }} | {{ number(row.calibration_loss) }} \
| {{ percent(row.calibration_ece) }} | {{ percent(row.calibration_auroc) }} |
{% endfor %}
The adapter is that of step {{ best.step }}, where the calibration loss was least. The calibration split chose it, so
that its numbers are kind to it; those of the test split are in the store's METRICS.

Settings: `{{ settings }}`.
"""


def model_card(job: FinetuneJob, curve: Sequence[Mapping[str, Any]]) -> str:
    """Markdown with the numbers of a finished training (rows of TRAINING)."""
    from raycal.models.prompts import CORRECTNESS_PROMPTS

    evaluated = [row for row in curve if row["calibration_loss"] is not None]
    template = Environment(undefined=StrictUndefined, autoescape=False).from_string(_CARD)  # noqa: S701 - Markdown
    return template.render(
        job=job,
        query=CORRECTNESS_PROMPTS[job.method.wording],
        curve=evaluated,
        best=min(evaluated, key=lambda row: row["calibration_loss"]),
        settings=job.method.model_dump_json(exclude={"adapter", "method"}),
        number=lambda value: "" if value is None else f"{value:.4f}",
        percent=lambda value: "" if value is None else f"{value:.1%}",
    )
