"""The Ray Data fan-out: rows of work over engine replicas, each batch of results one shard a table.

The driver sees counts only. A batch is written by the replica that finished it, before Ray learns of it: neither a
killed replica nor a killed driver costs a finished batch.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from raycal.cluster import connect, root_cause
from raycal.config import Device, EngineConfig, ModelConfig, PromptStyle
from raycal.engine import EngineDiedError, EngineStartError, Usage
from raycal.keys import digest
from raycal.models import Model, check_available, find_model
from raycal.resources import ReplicaPlan, plan_replicas
from raycal.restarts import Restarts
from raycal.schemas import Table
from raycal.store import Store
from raycal.suspects import Refusing, Suspects, Suspicion, Turns
from raycal.watch import Watch

if TYPE_CHECKING:
    import pyarrow as pa
    import ray.data

Row = dict[str, Any]
Rows = dict[Table, list[Row]]

# An engine that dies takes its replica with it, and Ray starts another and repeats the batches in flight. It counts as
# repetitions what it tries within seconds while a node is lost: the limit is on starts in a row that come to nothing.
_MOST_STARTS = 5
_STORAGE_PATIENCE_S, _STORAGE_PAUSE_S, _STORAGE_SLOW_S = 120.0, 1.0, 3.0

_ENGINE_DIED = "an engine died and was started again"
_STORAGE_AWAY = f"the storage was away or slow for more than {_STORAGE_SLOW_S:g} s, and was waited for"
_REPLICA_LOST = "a replica was lost, its process alone or with its node, and was started again"


class FanoutError(RuntimeError):
    """The stage could not finish; what it finished is in the store."""


class Backend(Protocol):
    """What a replica holds: a vLLM engine, or a model in transformers."""

    def __init__(self, model: Model, config: EngineConfig, device: Device, style: PromptStyle) -> None: ...

    def busy_seconds(self) -> float:
        """Seconds so far in which it had something to do."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


B = TypeVar("B", bound=Backend)
B_contra = TypeVar("B_contra", bound=Backend, contravariant=True)


class Asker(Protocol[B_contra]):
    """What is done with one row of work; it travels to the replicas, and so must be picklable."""

    @property
    def partitions(self) -> Mapping[Table, str]:
        """The tables that the results go to, in the order of writing, with the partition of each."""
        ...

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        """The part of a batch that no earlier attempt at the same batch has finished."""
        ...

    async def ask(self, engine: B_contra, row: Row) -> Rows:
        """The results of one row of work; a failure is a row with an error, never an exception."""
        ...


@dataclass(frozen=True)
class Progress:
    """What has been done since the last report."""

    questions: int
    failed: int
    prompt_tokens: int
    generated_tokens: int
    incidents: Sequence[str] = ()  # what went wrong around the questions and was got over


def run_fanout(
    work: Callable[[], ray.data.Dataset],
    asker: Asker[B],
    model: ModelConfig,
    config: EngineConfig,
    store: Store,
    *,
    run_id: str,
    backend: type[B],
) -> Iterator[Progress]:
    """Build the work once Ray is there, and do it on `config.replicas` backends, yielding progress batch by batch.

    Raises ModelError and, where the replicas cannot fit, ResourceError before anything starts, and FanoutError where
    the stage cannot go on: an engine that does not start in time, or that dies again and again on the same batch.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    check_available(find_model(model))
    plan = plan_replicas(config, connect())
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.wait_for_min_actors_s = round(config.start_timeout_s) + 60
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what fails is raised here

    with warnings.catch_warnings():
        # The number of retries has no other name in this version of Ray.
        warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated")
        done = (
            work()
            .repartition(target_num_rows_per_block=config.batch_size)
            .map_batches(
                Replica,
                fn_constructor_kwargs={
                    "backend": backend,
                    "asker": asker,
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
            yield Progress(**row)
    except ray.exceptions.GetTimeoutError as error:
        raise FanoutError(
            f"no engine came up within engine.start_timeout_s = {config.start_timeout_s:g} seconds"
        ) from error
    except ray.exceptions.RayError as error:
        raise FanoutError(f"{root_cause(error).rstrip('.')}; what was finished is kept, run again to go on") from error


def cost_columns(usage: Usage) -> Row:
    """The cost columns of a generated row; the replica adds its share of the engine's seconds."""
    return {"prompt_tokens": usage.prompt_tokens, "generated_tokens": usage.generated_tokens}


def failed_columns(reason: str) -> Row:
    """The columns of a row that came to nothing."""
    return {"error": reason, **cost_columns(Usage(0, 0))}


def unless_written(table: Table, partition: str, work: list[Row], store: Store) -> list[Row]:
    """`Asker.remaining` where each row of work makes one row of one table: all of a batch, or none of it."""
    return [] if store.has_shard(table, partition, [f"{row['key']}:" for row in work]) else work


def _spare_the_collector() -> None:
    """Keep Python from going again and again through what will stay, which takes a third of a replica's own time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)


class Replica(Generic[B]):
    """The actor class: one engine, with several batches in flight and one coroutine a row."""

    def __init__(
        self,
        *,
        backend: type[B],
        asker: Asker[B],
        model: ModelConfig,
        config: EngineConfig,
        plan: ReplicaPlan,
        store: Store,
        run_id: str,
    ) -> None:
        import ray

        self._asker = asker
        self._store = store
        notes = store.root / "notes" / digest(*asker.partitions.values())
        self._suspects = Suspects(notes)
        self._restarts = Restarts(notes / "starts", ray.get_runtime_context().get_actor_id() or "")
        self._turns = Turns()
        self._in_flight: dict[str, str] = {}  # question keys by what the suspects are called
        self._watch = Watch(run_id, stage=next(iter(asker.partitions)), gpus=plan.gpus)
        self._incidents: list[str] = []
        self._if_restarted = _ENGINE_DIED if self._restarts.engine_is_to_blame() else _REPLICA_LOST
        self._accounted_s = 0.0
        self._has_answered = False
        started = time.monotonic()
        self._failure: EngineStartError | None = None
        try:
            if self._restarts.note() > _MOST_STARTS:
                raise EngineStartError(f"{_MOST_STARTS} engines in a row ended before they had answered anything")
            self._engine = backend(find_model(model), config, plan.device, model.prompt_style)
            _spare_the_collector()
            self._watch.log("engine started", model=model.path, seconds=round(time.monotonic() - started, 1))
        except EngineStartError as error:
            self._failure = error  # of an actor that fails to start, Ray prints every traceback on the driver's stdout

    async def __call__(self, batch: pa.Table) -> pa.Table:
        """Do one batch; returns one row, of the fields of Progress."""
        import pyarrow as pa
        import ray

        if self._failure is not None:
            raise self._failure
        work = batch.to_pylist()
        # In threads, for a storage may take its time while the engine has other batches to do.
        todo = await asyncio.to_thread(self._asker.remaining, work, self._store)
        noted = await asyncio.to_thread(self._suspects.read)
        results = await asyncio.gather(*(self._ask(row, noted.get(Suspects.name(row))) for row in todo))
        rows = [(table, row) for result in results for table, some in result.items() for row in some]
        seconds = self._share_engine_seconds([row for _, row in rows])
        await self._write(rows)
        await asyncio.to_thread(self._suspects.clear, noted.keys() & {Suspects.name(row) for row in todo})
        if self._if_restarted and ray.get_runtime_context().was_current_actor_reconstructed:
            self._incidents.append(self._if_restarted)
        self._if_restarted = ""
        done = Progress(
            questions=len(work),
            failed=sum(any(row.get("error") for some in result.values() for row in some) for result in results),
            prompt_tokens=sum(row["prompt_tokens"] for _, row in rows),
            generated_tokens=sum(row["generated_tokens"] for _, row in rows),
            incidents=self._incidents,
        )
        self._incidents = []
        self._watch.count(done, seconds)
        for table, row in rows:
            if row.get("error"):
                self._watch.log("row failed", table=table, question=row["question_id"], reason=row["error"])
        # Of an empty list Arrow does not know what it is a list of.
        incidents = pa.array([done.incidents], pa.list_(pa.string()))
        return pa.table({name: [value] for name, value in vars(done).items()} | {"incidents": incidents})

    async def _ask(self, row: Row, suspicion: Suspicion | None) -> Rows:
        if suspicion is Suspicion.GUILTY:
            refusing: Any = Refusing("the engine ended twice over it, the second time with nothing else to do")
            return await self._asker.ask(refusing, row)
        async with self._turns.alone() if suspicion else self._turns.beside_others():
            self._in_flight[name := Suspects.name(row)] = row["question_id"]
            try:
                rows = await self._asker.ask(self._engine, row)
            except EngineDiedError:
                self._watch.log("engine died", questions=sorted(self._in_flight.values()))
                self._suspects.note(self._in_flight, Suspicion.GUILTY if suspicion else Suspicion.SUSPECT)
                self._restarts.blame_engine()
                os._exit(1)
            del self._in_flight[name]
            if not self._has_answered:
                self._has_answered = True
                await asyncio.to_thread(self._restarts.clear)
            return rows

    async def _write(self, rows: list[tuple[Table, Row]]) -> None:
        """Write a batch's shards, and wait for a storage that is away; a full disk is not waited for.

        A bucket's client has waited by itself, as long as here, before it fails.
        """
        started = time.monotonic()
        deadline = started + (_STORAGE_PATIENCE_S if isinstance(self._store.root, Path) else 0)
        while True:
            try:
                await asyncio.to_thread(self._write_once, rows)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT) or time.monotonic() > deadline:
                    raise
                self._watch.log("storage failed", reason=str(error))
                await asyncio.sleep(_STORAGE_PAUSE_S)
            else:
                if time.monotonic() - started > _STORAGE_SLOW_S:
                    self._incidents.append(_STORAGE_AWAY)
                return

    def _write_once(self, rows: list[tuple[Table, Row]]) -> None:
        root = self._store.root
        if isinstance(root, Path) and not root.is_dir():  # else it would be made anew, on the disk under a mount
            raise FileNotFoundError(errno.ENOENT, "the storage is not there", str(root))
        for table, partition in self._asker.partitions.items():
            self._store.write(table, partition, [row for its, row in rows if its is table])

    def _share_engine_seconds(self, rows: list[Row]) -> float:
        # The engine works on many rows at once: each gets its share, by tokens, of the time since the last batch ended,
        # so that the shares add up to the seconds for which the engine was busy.
        busy = self._engine.busy_seconds()
        seconds, self._accounted_s = busy - self._accounted_s, busy
        tokens = [row["prompt_tokens"] + row["generated_tokens"] for row in rows]
        total = sum(tokens)
        for row, its in zip(rows, tokens, strict=True):
            row["engine_seconds"] = seconds * its / total if total else 0.0
        return seconds

    def __del__(self) -> None:
        if hasattr(self, "_engine"):
            self._engine.close()
