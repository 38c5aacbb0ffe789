"""Loss, ECE and AUROC of the tuned model on the calibration split, measured during training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from raycal.finetuning.data import Examples
from raycal.store.locations import Location, readable

_FILE = "calibration.parquet"  # beside an adapter


@dataclass(frozen=True, eq=False)
class Calibration:
    """The calibration split's mean loss and metrics; the AUROC is null where all answers are right, or all wrong.

    p: (n,) p(correct), in the order of the examples.
    """

    loss: float
    ece: float | None
    auroc: float | None
    p: NDArray[np.float64]

    def write(self, folder: Path, examples: Examples) -> None:
        """Keep the confidences beside the adapter that has them."""
        keys = [example.answer_key for example in examples.examples]
        pq.write_table(pa.table({"answer_key": keys, "p_true": self.p}), folder / _FILE)


def kept_confidences(folder: Location) -> Mapping[str, float]:
    """What `Calibration.write` kept beside an adapter, nothing where it kept none: p(correct) by answer key."""
    path = folder / _FILE
    rows = pq.read_table(readable(path), partitioning=None).to_pylist() if path.is_file() else []
    return {row["answer_key"]: row["p_true"] for row in rows}
