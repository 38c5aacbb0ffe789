"""Ray 2.60: what it has under no public name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

# What the job client says of its uploads at INFO is not for the user.
_JOB_LOGGERS = ("dashboard.modules.dashboard_sdk", "dashboard.modules.job.sdk", "_private.runtime_env.packaging")


def execution_callback(on_step: Callable[[], None]) -> type[Any]:
    """For `DataContext.custom_execution_callback_classes`: `on_step` is called at every step and may end all.

    What it raises is raised where the dataset is read.
    """
    from ray.data._internal.execution.execution_callback import ExecutionCallback

    class Step(ExecutionCallback):  # type: ignore[misc]
        def on_execution_step(self, executor: object) -> None:
            on_step()

    return Step


def without_study(search: Mapping[str, Any]) -> dict[str, Any]:
    """The state of an OptunaSearch without its database, whose address may have a password in it."""
    return {**search, "_storage": None, "_ot_study": None}


def quiet_job_client() -> None:
    """Have the job client say nothing but warnings."""
    for module in _JOB_LOGGERS:
        logging.getLogger(f"ray.{module}").setLevel(logging.WARNING)
