"""The runner: tasks over engine replicas on Ray Data. The driver sees counts only; see replica.py for the rest."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from raycal._compat.ray import execution_callback
from raycal.cluster.connection import connect, in_native_dtype, root_cause
from raycal.cluster.precision import dtype_note
from raycal.cluster.resources import ReplicaPlan, places, plan_replicas
from raycal.config.engine import EngineConfig, ModelConfig
from raycal.errors import RaycalError
from raycal.inference.backend import B
from raycal.inference.backends import engine_for
from raycal.inference.faults import StallWatchdog
from raycal.inference.replica import Replica, marker_of
from raycal.inference.tasks import BatchReport, Task
from raycal.models.find import check_available, find_model
from raycal.store.store import Store

if TYPE_CHECKING:
    import ray.data
    from ray.data import DataContext

# What waits for replicas lies in the driver itself where a batch has less than 100 kB, so that Ray Data must not read
# ahead as far as its object store would let it.
_READ_AHEAD_BYTES, _ROW_BYTES = 64 * 2**20, 4096


class RunnerError(RaycalError, RuntimeError):
    """The stage could not finish; what it finished is in the store."""


def run_tasks(
    work: Callable[[], ray.data.Dataset],
    task: Task[B],
    model: ModelConfig,
    config: EngineConfig,
    store: Store,
    *,
    run_id: str,
    backend: type[B],
) -> Iterator[BatchReport]:
    """Build the work once Ray is there, and do it on `config.replicas` backends, yielding progress batch by batch.

    Raises before anything starts ModelError, ClusterError, OSError for a storage that cannot be used and, where the
    replicas cannot fit, ResourceError; and RunnerError where the stage cannot go on: an engine that does not start in
    time or dies again and again on the same batch, a storage that stays away, or a replica that was lost with its node
    and has no place on another.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    check_available(find_model(model))
    yield BatchReport.entering("connecting to Ray")
    config = engine_for(backend, config)
    plan = plan_replicas(config, connect())
    if stated_threads := os.environ.get("OMP_NUM_THREADS"):
        plan = replace(plan, threads=int(stated_threads.partition(",")[0]))  # those of nested levels stand behind
    wanted = config.dtype
    config = in_native_dtype(config, plan.device, config.start_timeout_s)
    replicas = "1 replica" if plan.replicas == 1 else f"{plan.replicas} replicas"
    yield BatchReport.entering(f"starting {replicas} on {plan.each}, {dtype_note(wanted, config.dtype)}; a first batch")
    marker = marker_of(store, run_id)
    if marker is not None:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()  # and stays, for what replicas still write when the driver is gone
    patience = StallWatchdog(config.start_timeout_s, lambda: _check_place(plan))
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what fails is raised here
    with DataContext.current(_data_context(plan, config, patience)), warnings.catch_warnings():
        # The number of retries has no other name in this version of Ray.
        warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")
        done = (
            work()
            .repartition(target_num_rows_per_block=config.batch_size)
            .map_batches(
                Replica,
                fn_constructor_kwargs={
                    "backend": backend,
                    "task": task,
                    "model": model,
                    "config": config,
                    "plan": plan,
                    "store": store,
                    "run_id": run_id,
                },
                batch_size=config.batch_size,
                batch_format="pyarrow",
                compute=ActorPoolStrategy(
                    size=plan.replicas,
                    max_tasks_in_flight_per_actor=config.batches_in_flight,
                    max_concurrent_calls_per_actor=config.batches_in_flight,
                ),
                num_cpus=plan.cpus,
                num_gpus=plan.gpus,
                max_task_retries=-1,
            )
        )
    try:
        for row in done.iter_rows():
            patience.renew()
            yield BatchReport(**row)
    except ray.exceptions.GetTimeoutError as error:
        raise RunnerError(
            f"no engine came up within engine.start_timeout_s = {config.start_timeout_s:g} seconds"
        ) from error
    except ray.exceptions.RayError as error:
        raise RunnerError(f"{root_cause(error).rstrip('.')}; what was finished is kept, run again to go on") from error


def _data_context(plan: ReplicaPlan, config: EngineConfig, patience: StallWatchdog) -> DataContext:
    """Settings of these tasks' dataset alone: the process may have datasets of its own, before and after."""
    from ray.data import DataContext, ExecutionResources

    context = DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.custom_execution_callback_classes = [execution_callback(patience.look)]
    in_flight = plan.replicas * config.batches_in_flight * config.batch_size
    context.execution_options.resource_limits = ExecutionResources.for_limits(
        object_store_memory=_READ_AHEAD_BYTES + in_flight * _ROW_BYTES
    )
    context.wait_for_min_actors_s = round(config.start_timeout_s) + 60
    return context


def _check_place(plan: ReplicaPlan) -> None:
    """A replica that was lost with its node waits for a place: for ever, where no node has one or will."""
    if not places(plan, connect()):
        raise RunnerError(
            f"a node was lost, and none that is left has a place for a replica of {plan.each}; what was finished is "
            "kept: add a node, and run again to go on"
        )
