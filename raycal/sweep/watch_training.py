"""Reports of a fine-tuning trial to Ray Tune: the calibration split's metrics after each evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ray.tune.integration.ray_train import TuneReportCallback


class TrainingReport(TuneReportCallback):  # type: ignore[misc]
    """Passes on the metrics under the objectives' names, for a scheduler to stop what does not get anywhere."""

    def after_report(self, run_context: Any, metrics: Sequence[dict[str, Any]], checkpoint: Any) -> None:
        """See Ray Train's UserCallback; all workers report the same."""
        told = {name: metrics[0].get(f"calibration_{name}") for name in ("ece", "auroc")}
        if None not in told.values():
            super().after_report(run_context, [told], None)
