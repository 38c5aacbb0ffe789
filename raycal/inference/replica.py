"""The replica actor: one engine, some batches of rows in flight, and each batch written once it is done.

A batch is written by the replica that finished it, before Ray learns of it: neither a killed replica nor a killed
driver costs a finished batch.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from raycal.cluster.gc import raise_gc_threshold
from raycal.cluster.resources import ReplicaPlan
from raycal.config.engine import EngineConfig, ModelConfig
from raycal.errors import RaycalError
from raycal.inference.backend import B, EngineDiedError, EngineStartError
from raycal.inference.faults import CrashLog, ExclusiveTurns, RejectingBackend, StartCounter, Suspicion
from raycal.inference.tasks import BatchReport, Row, TableRows, Task
from raycal.inference.telemetry import ReplicaTelemetry
from raycal.models.find import find_model
from raycal.store.keys import digest
from raycal.store.schemas import Table
from raycal.store.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

# An engine that dies takes its replica with it, and Ray starts another and repeats the batches in flight. It counts as
# repetitions what it tries within seconds while a node is lost: the limit is on starts in a row that come to nothing.
_MOST_STARTS = 5
_STORAGE_PATIENCE_S, _STORAGE_PAUSE_S = 120.0, 1.0

_ENGINE_DIED = "an engine died and was started again"
_STORAGE_AWAY = "the storage was out of a replica's reach, and was waited for"
_REPLICA_LOST = "a replica was lost, its process alone or with its node, and was started again"


def _freeze() -> None:
    """Keep the collector from going again and again through what will stay: a third of a replica's own time."""
    gc.collect()
    gc.freeze()


def marker_of(store: Store, run_id: str) -> Path | None:
    """What a driver leaves in a storage that may be a mount: a folder without it is what lies under the mount."""
    return store.root / "notes" / f"run-{run_id}" if isinstance(store.root, Path) else None


class Replica(Generic[B]):
    """The actor class: one engine, with several batches in flight and one coroutine a row."""

    def __init__(
        self,
        *,
        backend: type[B],
        task: Task[B],
        model: ModelConfig,
        config: EngineConfig,
        plan: ReplicaPlan,
        store: Store,
        run_id: str,
    ) -> None:
        import ray

        raise_gc_threshold()
        self._task = task
        self._store = store
        self._marker = marker_of(store, run_id)
        notes = store.root / "notes" / digest(*task.partitions.values())
        self._dtype = str(config.dtype)
        self._crash_log = CrashLog(notes)
        self._starts = StartCounter(notes / "starts", ray.get_runtime_context().get_actor_id() or "")
        self._turns = ExclusiveTurns()
        self._in_flight: dict[int, Row] = {}  # by its id, for two of them may be alike
        self._telemetry = ReplicaTelemetry(run_id, stage=next(iter(task.partitions)), gpus=plan.gpus)
        self._incidents: list[str] = []
        self._if_restarted = ""
        self._accounted_s = 0.0
        self._has_answered = False
        self._storage_was_away = False
        started = time.monotonic()
        self._failure: RaycalError | OSError | None = None
        try:
            self._retry_storage(self._check_storage)
            self._if_restarted = _ENGINE_DIED if self._starts.engine_is_to_blame() else _REPLICA_LOST
            if self._starts.note() > _MOST_STARTS:
                raise EngineStartError(f"{_MOST_STARTS} engines in a row ended before they had answered anything")
            # Ray allows as many threads as it reserves CPUs, and torch keeps to what it finds when it is loaded.
            os.environ["OMP_NUM_THREADS"] = str(plan.threads)
            self._engine = backend(find_model(model), config, plan.device, model.prompt_style)
            _freeze()
            self._telemetry.log("engine started", model=model.path, seconds=round(time.monotonic() - started, 1))
        except (RaycalError, OSError) as error:
            self._failure = error  # of an actor that fails to start, Ray prints every traceback on the driver's stdout

    async def __call__(self, batch: pa.Table) -> pa.Table:
        """Do one batch; returns one row, of the fields of Progress."""
        import pyarrow as pa
        import ray

        if self._failure is not None:
            raise self._failure
        work = batch.to_pylist()
        # In threads, for a storage may take its time while the engine has other batches to do.
        todo = await asyncio.to_thread(self._task.remaining, work, self._store)
        noted = await asyncio.to_thread(self._crash_log.read)
        results = await asyncio.gather(*(self._ask(row, noted.get(CrashLog.name(row))) for row in todo))
        rows = [(table, row) for result in results for table, some in result.items() for row in some]
        seconds = self._share_engine_seconds([row for _, row in rows])
        await self._write(rows)
        await asyncio.to_thread(self._crash_log.clear, noted.keys() & {CrashLog.name(row) for row in todo})
        if self._if_restarted and ray.get_runtime_context().was_current_actor_reconstructed:
            self._incidents.append(self._if_restarted)
        self._if_restarted = ""
        done = BatchReport(
            questions=len(work),
            failed=sum(any(row.get("error") for some in result.values() for row in some) for result in results),
            prompt_tokens=sum(row["prompt_tokens"] for _, row in rows),
            generated_tokens=sum(row["generated_tokens"] for _, row in rows),
            incidents=self._incidents,
        )
        self._incidents = []
        self._telemetry.count(done, seconds)
        for table, row in rows:
            if row.get("error"):
                self._telemetry.log("row failed", table=table, question=row["question_id"], reason=row["error"])
        # Of an empty list Arrow does not know what it is a list of.
        incidents = pa.array([done.incidents], pa.list_(pa.string()))
        return pa.table({name: [value] for name, value in vars(done).items()} | {"incidents": incidents})

    async def _ask(self, row: Row, suspicion: Suspicion | None) -> TableRows:
        if suspicion is Suspicion.GUILTY:
            refusing: Any = RejectingBackend("the engine ended twice over it, the second time with nothing else to do")
            return await self._task.ask(refusing, row)
        async with self._turns.alone() if suspicion else self._turns.beside_others():
            self._in_flight[id(row)] = row
            try:
                rows = await self._task.ask(self._engine, row)
            except EngineDiedError:
                at_hand = self._in_flight.values()
                self._telemetry.log("engine died", questions=sorted(one["question_id"] for one in at_hand))
                self._retry_storage(self._check_storage)
                self._crash_log.note(map(CrashLog.name, at_hand), Suspicion.GUILTY if suspicion else Suspicion.SUSPECT)
                self._starts.blame_engine()
                os._exit(1)
            del self._in_flight[id(row)]
            if not self._has_answered:
                self._has_answered = True
                await asyncio.to_thread(self._starts.clear)
            return rows

    async def _write(self, rows: list[tuple[Table, Row]]) -> None:
        """Write a batch's shards, and wait for a storage that is away; the first such wait is an incident.

        Only a failed attempt tells that the storage was away: how long a write takes also depends on how busy the
        machine is. All batches in flight see the same outage.
        """
        was_away = await asyncio.to_thread(self._retry_storage, partial(self._write_once, rows))
        if was_away and not self._storage_was_away:
            self._storage_was_away = True
            self._incidents.append(_STORAGE_AWAY)

    def _retry_storage(self, do: Callable[[], None]) -> bool:
        """Do something once the storage is there, and return whether it was away; a full disk is not waited for.

        A bucket's client has waited by itself, as long as here, before it fails.
        """
        deadline = time.monotonic() + (_STORAGE_PATIENCE_S if isinstance(self._store.root, Path) else 0)
        was_away = False
        while True:
            try:
                do()
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT) or time.monotonic() > deadline:
                    raise
                was_away = True
                self._telemetry.log("storage failed", reason=str(error))
                time.sleep(_STORAGE_PAUSE_S)
            else:
                return was_away

    def _write_once(self, rows: list[tuple[Table, Row]]) -> None:
        self._check_storage()
        for table, partition in self._task.partitions.items():
            self._store.write(table, partition, [row for table_of_row, row in rows if table_of_row is table])

    def _check_storage(self) -> None:
        """Raise OSError where a mount is away: its folder would be made anew, or filled, on the disk under it."""
        if self._marker is not None and not self._marker.is_file():
            told = "the storage that the run started on is not there: it must be mounted on every node"
            raise FileNotFoundError(errno.ENOENT, told, str(self._store.root))

    def _share_engine_seconds(self, rows: list[Row]) -> float:
        # The engine works on many rows at once: each gets its share, by tokens, of the time since the last batch ended,
        # so that the shares add up to the seconds for which the engine was busy.
        busy = self._engine.busy_seconds()
        seconds, self._accounted_s = busy - self._accounted_s, busy
        tokens = [row["prompt_tokens"] + row["generated_tokens"] for row in rows]
        total = sum(tokens)
        for row, row_tokens in zip(rows, tokens, strict=True):
            row["engine_seconds"] = seconds * row_tokens / total if total else 0.0
            row["dtype"] = self._dtype
        return seconds

    def __del__(self) -> None:
        if hasattr(self, "_engine"):
            self._engine.close()
