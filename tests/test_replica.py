"""A replica without Ray and without an engine: what it does where its storage or a question is not as it should be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import ray

from raycal import replica
from raycal.asker import Row, Rows, cost_columns
from raycal.config import Device, EngineConfig, ModelConfig
from raycal.engine import Usage
from raycal.replica import Replica, marker_of
from raycal.resources import ReplicaPlan
from raycal.schemas import Table
from raycal.store import Store


class NoEngine:
    def __init__(self, *_: object) -> None:
        pass

    def busy_seconds(self) -> float:
        return 0.0

    def close(self) -> None:
        pass


class Grader:
    """Grades every row as correct, after a moment."""

    partitions: Mapping[Table, str] = {Table.GRADES: "some"}

    def remaining(self, work: list[Row], store: Store) -> list[Row]:
        return work

    async def ask(self, engine: NoEngine, row: Row) -> Rows:
        await asyncio.sleep(0)
        return {Table.GRADES: [row | {"correct": True} | cost_columns(Usage(1, 1))]}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Ray, and no patience."""
    context = SimpleNamespace(get_actor_id=lambda: "a1", was_current_actor_reconstructed=False)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    silent = SimpleNamespace(log=lambda *_, **__: None, count=lambda *_: None)
    monkeypatch.setattr(replica, "Watch", lambda *_, **__: silent)
    monkeypatch.setattr(replica, "_freeze", lambda: None)
    monkeypatch.setattr(replica, "_STORAGE_PATIENCE_S", 0.05)
    monkeypatch.setattr(replica, "_STORAGE_PAUSE_S", 0.01)


def started(store: Store) -> Replica[Any]:
    return Replica(
        backend=NoEngine,
        asker=Grader(),
        model=ModelConfig(path="some/model"),
        config=EngineConfig(),
        plan=ReplicaPlan(1, Device.CPU, 1, 0),
        store=store,
        run_id="some-1",
    )


def asked(one: Replica[Any], *keys: str) -> pa.Table:
    return asyncio.run(one(pa.table({"key": list(keys), "question_id": list(keys)})))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A storage as the driver leaves it."""
    store = Store(tmp_path / "mount")
    marker = marker_of(store, "some-1")
    assert marker
    marker.parent.mkdir(parents=True)
    marker.touch()
    return store


def test_a_replica_writes_nothing_beside_a_mount_that_its_node_lacks(tmp_path: Path) -> None:
    mount_point = tmp_path / "mount"
    mount_point.mkdir()
    with pytest.raises(OSError, match="it must be mounted on every node"):
        asked(started(Store(mount_point)), "a")
    assert not list(mount_point.iterdir())


def test_a_replica_writes_nothing_beside_a_mount_that_went_away(store: Store, tmp_path: Path) -> None:
    one = started(store)
    store.root.rename(tmp_path / "away")  # type: ignore[arg-type]
    store.root.mkdir()
    with pytest.raises(OSError, match="it must be mounted on every node"):
        asked(one, "a")
    assert not list(store.root.iterdir())


def test_two_copies_of_a_question_in_flight_do_no_harm(store: Store) -> None:
    assert asked(started(store), "a", "a", "b")["questions"].to_pylist() == [3]
    assert sorted(row["key"] for row in store.rows("SELECT key FROM grades")) == ["a", "b"]
