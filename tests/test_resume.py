"""Processes are killed at random points; afterwards every question is there exactly once, and as in a quiet run."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from support import Raycal, command_of, heeding_interrupts

from raycal.done import Done
from raycal.experiment_file import read_experiment
from raycal.run import Run
from raycal.schemas import Table
from raycal.work import count_work

pytestmark = pytest.mark.engine

GENERATED = (Table.ANSWERS, Table.SAMPLES, Table.QUERIES)


def identities(run: Run, table: Table) -> Counter[tuple[str, int | None]]:
    """How often each row's identity stands in the shards of a table."""
    rows = (row for shard in run.store.shards(table) for row in pq.read_table(shard).to_pylist())
    return Counter((row["key"], row.get("index")) for row in rows)


def opened(experiment_file: Path, store: Path) -> Run:
    return Run.open(read_experiment(experiment_file, [f"storage={store}"]))


def texts(run: Run, table: Table) -> dict[tuple[str, int | None], str | None]:
    return {(row["key"], row.get("index")): row["text"] for row in run.store.rows(f"SELECT * FROM {table}")}


def shards(store: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for table in GENERATED for path in (store / table).glob("*/*.parquet")}


@contextmanager
def eliciting(experiment_file: Path, store: Path, *settings: str) -> Iterator[psutil.Popen]:
    """A run in the background; it and all that it started are gone afterwards."""
    command = [Path(sys.executable).with_name("raycal"), "elicit", experiment_file, "--set", f"storage={store}"]
    for setting in settings:
        command += ["--set", setting]
    process = psutil.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=heeding_interrupts,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def descendants(process: psutil.Process, title: str = "") -> list[psutil.Process]:
    return [child for child in process.children(recursive=True) if title in command_of(child)]


def newest(driver: psutil.Popen, title: str) -> psutil.Process:
    """Of the processes with such a title that which started last; one that is being replaced is waited for."""
    found: list[psutil.Process] = []

    def look() -> bool:
        found.extend(descendants(driver, title))
        return bool(found) or driver.poll() is not None

    wait_for(look, 300, f"a look at {title}")
    assert found, f"the run ended before {title} was seen:\n{said(driver)}"
    return max(found, key=psutil.Process.create_time)


def said(driver: psutil.Popen) -> str:
    output: bytes = driver.communicate(timeout=60)[0]
    return output.decode()


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.2)


def wait_for_shards(driver: psutil.Popen, store: Path, count: int) -> None:
    wait_for(lambda: len(shards(store)) >= count or driver.poll() is not None, 300, f"shard {count}")
    assert driver.poll() is None, f"the run ended before it could be disturbed:\n{said(driver)}"


def assert_as_uninterrupted(run: Run, finished: Run) -> None:
    for table in GENERATED:
        counts, expected = identities(run, table), identities(finished, table)
        assert set(counts) == set(expected)
        assert set(counts.values()) == {1}, "a row that was done has been done again"
        undisturbed = texts(finished, table)
        same = [text == undisturbed[key] for key, text in texts(run, table).items()]
        # Batches differ from run to run, and with them the last bits of bfloat16 arithmetic.
        assert sum(same) / len(same) > 0.9


def processes_with_an_engine(driver: psutil.Popen) -> list[psutil.Process]:
    """What a driver has started once there is an engine among it.

    Ray's own agents notice the end of their node within a minute; what holds memory must be gone at once.
    """
    wait_for(lambda: bool(descendants(driver, "VLLM")), 300, "the start of the engine")
    started = [process for title in ("VLLM", "ray::MapWorker", "raylet") for process in descendants(driver, title)]
    assert len(started) >= 3
    return started


def test_a_driver_killed_twice_resumes(experiment_file: Path, finished: Run, tmp_path: Path, raycal: Raycal) -> None:
    store = tmp_path / "store"
    for moment in ("while the engine starts", "while it works"):
        with eliciting(experiment_file, store) as driver:
            if moment == "while it works":
                wait_for_shards(driver, store, random.Random(str(tmp_path)).randint(1, 9))
            started = processes_with_an_engine(driver)
            driver.kill()
            before = shards(store)
            wait_for(lambda: not any(map(is_alive, started)), 20, "the end of the engine's processes")  # noqa: B023
        written = shards(store)  # a batch that was on its way may have landed after the kill
        assert before.keys() <= written.keys()
    assert 0 < len(written) < len(shards(finished.store.root))

    raycal("elicit", str(experiment_file), "--set", f"storage={store}")
    after = shards(store)
    assert {path: after[path] for path in written} == written
    assert_as_uninterrupted(opened(experiment_file, store), finished)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_driver_leaves_no_process(experiment_file: Path, tmp_path: Path, how: signal.Signals) -> None:
    with eliciting(experiment_file, tmp_path / "store") as driver:
        started = processes_with_an_engine(driver)
        driver.send_signal(how)
        output, _ = driver.communicate(timeout=60)
        assert driver.returncode != 0
        if how is signal.SIGINT:
            assert b"stopped; what was finished is in the store" in output
        wait_for(lambda: not any(is_alive(process) for process in started), 20, "the end of the engine's processes")


def test_a_killed_engine_and_a_killed_replica_are_replaced(
    experiment_file: Path, finished: Run, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with eliciting(experiment_file, store) as driver:
        # A batch is three shards: one more, and what the batch had to say of the engine has arrived.
        for victim, more in (("VLLM::EngineCore", 3), ("ray::MapWorker", 4)):
            wait_for_shards(driver, store, len(shards(store)) + more)
            newest(driver, victim).kill()
        output, _ = driver.communicate(timeout=400)
        assert driver.returncode == 0, output.decode()
        assert "elicit: an engine died and was started again" in output.decode()
        assert "elicit: a replica was lost" in output.decode()
    assert_as_uninterrupted(opened(experiment_file, store), finished)


def test_more_samples_generate_only_the_difference(
    experiment_file: Path, finished: Run, tmp_path: Path, raycal: Raycal
) -> None:
    store = tmp_path / "store"
    shutil.copytree(finished.store.root, store)
    before = shards(store)
    raycal("elicit", str(experiment_file), "--set", f"storage={store}", "--set", "elicit.samples.k=7")
    run = opened(experiment_file, store)
    grown, original = identities(run, Table.SAMPLES), identities(finished, Table.SAMPLES)
    questions = {key for key, _ in original}
    assert set(grown) == {(key, index) for key in questions for index in range(7)}
    assert set(grown.values()) == {1}
    after = shards(store)
    assert {path: after[path] for path in before} == before
    assert {path.parent.parent.name for path in after.keys() - before.keys()} == {"samples"}


def test_two_runs_on_one_store_do_no_harm(experiment_file: Path, finished: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(finished.store.root, store)
    for shard in sorted(shards(store))[::2]:
        shard.unlink()
    with eliciting(experiment_file, store) as one, eliciting(experiment_file, store, "engine.batch_size=6") as other:
        for process in (one, other):
            output, _ = process.communicate(timeout=500)
            assert process.returncode == 0, output.decode()
    run = opened(experiment_file, store)
    for table in GENERATED:
        assert set(texts(run, table)) == set(texts(finished, table))


def test_finished_run_asks_nothing_and_starts_no_engine(experiment_file: Path, finished: Run, raycal: Raycal) -> None:
    before = shards(finished.store.root)
    started = time.monotonic()
    done = raycal("run", str(experiment_file), "--set", f"storage={finished.store.root}")
    assert "elicit: 0 questions to ask" in done.stdout
    assert shards(finished.store.root) == before
    assert time.monotonic() - started < 30


def test_truncated_shard_is_neither_read_nor_fatal(experiment_file: Path, finished: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(finished.store.root, store)
    victim = next((store / "answers").glob("*/*.parquet"))
    lost = pq.read_table(victim)["key"].to_pylist()
    victim.write_bytes(victim.read_bytes()[:-20])
    run = opened(experiment_file, store)
    done = Done.read(run.store, run.recipe, retry_errors=False)
    _, left = count_work(run, done)
    assert left == len(lost)
