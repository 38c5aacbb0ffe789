"""What goes wrong around an engine while a fan-out is at work, and what those see who watch it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import ray
from background import PATIENCE_S
from echo import POISON, REFUSED, Echo, echoed, echoing, ray_of_its_own
from s3_server import Server, s3_server

from raycal.cluster.resources import ReplicaPlan
from raycal.config.engine import Device, EngineConfig
from raycal.inference.replica import Replica, marker_of
from raycal.inference.runner import RunnerError, run_tasks
from raycal.inference.tasks import BatchReport
from raycal.store.schemas import Table
from raycal.store.store import Store, read_blocks
from raycal.testing import SimulatedEngine

pytestmark = pytest.mark.ray

RUN = "some-1"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def a_ray(server: Server) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_metrics_report_interval_ms", "500")
        with ray_of_its_own():
            yield


FanOut = Callable[[Store, list[str]], Iterator[BatchReport]]


@pytest.fixture
def fan_out(tmp_path_factory: pytest.TempPathFactory) -> FanOut:
    """Ask texts of a model that says them again."""

    def fan_out(store: Store, texts: list[str]) -> Iterator[BatchReport]:
        model = echoing(tmp_path_factory.mktemp("model"), texts, latency_s=0.05)
        config = EngineConfig(batch_size=2, batches_in_flight=2)
        return run_tasks(echoed(texts), Echo(), model, config, store, run_id=RUN, backend=SimulatedEngine)

    return fan_out


def asked(reports: Iterator[BatchReport]) -> int:
    """How many questions were reported done."""
    return sum(one.questions for one in reports)


def test_a_poisoned_question_is_an_error_row_and_all_others_are_answered(fan_out: FanOut, tmp_path: Path) -> None:
    store = Store(tmp_path)
    texts = [POISON if i in (5, 17) else f"text {i}" for i in range(24)]
    progress = list(fan_out(store, texts))
    assert sum(one.questions for one in progress) == len(texts)
    assert sum(one.failed for one in progress) == 2
    assert {said for one in progress for said in one.incidents} == {"an engine died and was started again"}
    found = {row["key"]: row for row in store.rows("SELECT * FROM grades")}
    assert {key for key, row in found.items() if row["error"]} == {"k5", "k17"}
    assert "the engine ended twice over it" in found["k5"]["error"]
    answered = {key: row["reason"] for key, row in found.items() if not row["error"]}
    assert answered == {f"k{i}": text for i, text in enumerate(texts) if text != POISON}
    assert not [path for path in tmp_path.glob("notes/*/**/*") if path.is_file()], "the next run may ask again"


def test_an_engine_that_answers_nothing_at_all_ends_the_run(fan_out: FanOut, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="5 engines in a row ended before they had answered anything"):
        asked(fan_out(Store(tmp_path), [POISON] * 20))


def test_a_storage_that_is_away_is_waited_for(fan_out: FanOut, tmp_path: Path) -> None:
    root, away = tmp_path / "store", tmp_path / "away"
    store = Store(root)
    root.mkdir()

    def shards() -> int:
        return len(list(root.glob("grades/*/*.parquet")))

    def take_away_and_bring_back() -> None:
        while not shards():
            time.sleep(0.01)
        root.rename(away)
        time.sleep(5)
        assert not root.exists(), "it was made anew where a mount would lie over it"
        away.rename(root)
        before = shards()
        while shards() == before:
            time.sleep(0.01)
        root.rename(away)
        root.mkdir()  # what a mount lay over
        time.sleep(3)
        root.rmdir()  # fails where there is anything in it
        away.rename(root)

    texts = [f"text {i}" for i in range(40)]
    fault = threading.Thread(target=take_away_and_bring_back)
    fault.start()
    progress = list(fan_out(store, texts))
    fault.join()
    assert sum(one.questions for one in progress) == len(texts)
    # Once a replica, of which there is one: not for each of the two outages, nor for each batch in flight.
    incidents = [incident for report in progress for incident in report.incidents]
    assert incidents == ["the storage was out of a replica's reach, and was waited for"]
    found = {row["key"]: row["reason"] for row in store.rows("SELECT * FROM grades")}
    assert found == {f"k{i}": text for i, text in enumerate(texts)}


def test_a_replica_writes_nothing_where_its_node_lacks_the_mount(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path)
    model = echoing(tmp_path_factory.mktemp("model"), ["text"], latency_s=0)

    class Actor:
        def __init__(self) -> None:
            self._replica = Replica(
                backend=SimulatedEngine,
                store=store,
                run_id=RUN,
                task=Echo(),
                model=model,
                config=EngineConfig(),
                plan=ReplicaPlan(1, Device.CPU, 1, 0, 1),
            )

        async def do(self, batch: pa.Table) -> pa.Table:
            return await self._replica(batch)

    actor = ray.remote(Actor).remote()
    asking = actor.do.remote(pa.table({"key": ["k0"], "question_id": ["q0"], "text": ["text"]}))
    done, _ = ray.wait([asking], timeout=8)
    assert not done
    assert not list(tmp_path.iterdir())
    marker = marker_of(store, RUN)
    assert marker
    marker.parent.mkdir()
    marker.touch()  # as if it was mounted now
    assert ray.get(asking, timeout=PATIENCE_S)["questions"].to_pylist() == [1]
    assert [row["reason"] for row in store.rows("SELECT reason FROM grades")] == ["text"]


def test_two_copies_of_a_question_in_flight_do_no_harm(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def twice() -> Any:
        return echoed(["text", "other"])().union(echoed(["text"])())

    model = echoing(tmp_path_factory.mktemp("model"), ["text", "other"], latency_s=1)
    config = EngineConfig(batch_size=3)
    progress = run_tasks(twice, Echo(), model, config, Store(tmp_path), run_id=RUN, backend=SimulatedEngine)
    assert sum(one.questions for one in progress) == 3
    assert {row["reason"] for row in Store(tmp_path).rows("SELECT reason FROM grades")} == {"text", "other"}


def test_a_bucket_whose_server_is_silent_or_gone_is_waited_for(fan_out: FanOut, server: Server) -> None:
    store = Store(server.folder())

    def take_away_and_bring_back() -> None:
        for away, seconds, finished in ((server.silent, 12, 1), (server.gone, 3, 5)):
            while len(store.shards(Table.GRADES)) < finished:
                time.sleep(0.1)
            with away():
                time.sleep(seconds)  # of silence longer than a request may take, so that some are repeated

    texts = [f"text {i}" for i in range(40)]
    fault = threading.Thread(target=take_away_and_bring_back)
    fault.start()
    assert asked(fan_out(store, texts)) == len(texts)
    fault.join()
    blocks = read_blocks(Table.GRADES, store.shards(Table.GRADES), ["key", "reason"])
    found = [(row["key"], row["reason"]) for block in blocks for row in block.to_pylist()]
    assert sorted(found) == sorted((f"k{i}", text) for i, text in enumerate(texts)), "each of them once"


def test_a_bucket_that_refuses_access_is_not_waited_for(fan_out: FanOut, server: Server) -> None:
    with server.refusing(), pytest.raises(RunnerError, match="access is refused"):
        asked(fan_out(Store(server.folder()), ["text"]))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_ends_the_run_by_name_and_the_next_run_has_what_was_written(
    fan_out: FanOut, small_disk: Path
) -> None:
    store = Store(small_disk)
    texts = [f"{i} {i * 7919 % 1009} " * 500 for i in range(80)]
    with pytest.raises(RunnerError, match=r"No space left on device.*; what was finished is kept, run again"):
        asked(fan_out(store, texts))
    written = {row["key"] for row in store.rows("SELECT key FROM grades")}
    assert 0 < len(written) < len(texts)
    assert not list(small_disk.glob("**/.aside-*"))
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    assert asked(fan_out(store, texts)) == len(texts)
    rows = list(store.rows("SELECT key FROM grades"))
    assert {row["key"] for row in rows} == {f"k{i}" for i in range(len(texts))}


def scraped(port: int) -> dict[str, tuple[str, float]]:
    """Labels and value of raycal's metrics, as Prometheus reads them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        text = page.read().decode()
    found = re.findall(r"^(ray_raycal_\w+)\{(.*)\} (\S+)$", text, re.MULTILINE)
    return {name: (labels, float(value)) for name, labels, value in found}


def test_replicas_count_for_prometheus_and_log_what_failed(fan_out: FanOut, tmp_path: Path) -> None:
    texts = [REFUSED if i == 3 else f"text {i}" for i in range(40)]
    seen: dict[str, tuple[str, float]] = {}
    (head,) = ray.nodes()
    for _ in fan_out(Store(tmp_path), texts):
        time.sleep(0.3)
        seen |= scraped(head["MetricsExportPort"])
    session = Path(ray._private.worker.global_worker.node.get_session_dir_path())
    lines = [line for log in (session / "logs").glob("worker-*.err") for line in log.read_text().splitlines()]
    labels, questions = seen["ray_raycal_questions_total"]
    assert 0 < questions <= len(texts)
    assert f'run="{RUN}"' in labels
    assert 'stage="grades"' in labels
    assert seen["ray_raycal_failed_questions_total"][1] == 1
    assert seen["ray_raycal_generated_tokens_total"][1] > 0
    events = [json.loads(line) for line in lines if line.startswith('{"time"')]
    (failed,) = (event for event in events if "refused" in event.get("reason", ""))
    assert (failed["event"], failed["run"], failed["question"]) == ("row failed", RUN, "q3")
    assert failed["node"] == head["NodeID"]


def test_a_worker_has_the_same_right_to_a_processor_as_ray_itself() -> None:
    assert ray.get(ray.remote(lambda: os.nice(0)).remote()) == os.nice(0)
