"""raycal: measure and mend the confidence of language models, at cluster scale.

Public names are imported when they are first used: `import raycal as rc` itself takes milliseconds.
Their types stand in `__init__.pyi`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_MODULES = {
    "Experiment": "raycal.experiment.config",
    "RaycalError": "raycal.errors",
    "Rates": "raycal.plan.lines",
    "ask": "raycal.stages.ask",
    "bootstrap": "raycal.metrics.arrays",
    "ece": "raycal.metrics.arrays",
    "evaluate": "raycal.metrics.evaluate",
    "open_store": "raycal.analysis.frames",
    "plan_experiment": "raycal.plan.build",
    "run": "raycal.api",
}
_PACKAGES = {"events": "raycal.events", "methods": "raycal.methods", "plot": "raycal.report.plot"}

__all__ = [*_MODULES, *_PACKAGES, "__version__"]  # noqa: PLE0604  # all are texts


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(_PACKAGES[name])
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'raycal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
