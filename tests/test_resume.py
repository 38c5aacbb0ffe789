"""Processes are killed at random points; afterwards every question is there exactly once, and as in a quiet run.

All but the last test have simulated engines with processes of their own, which say the same whatever is asked at the
same time.
"""

from __future__ import annotations

import random
import re
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from background import Background
from support import PROGRAM, Raycal, command_of, local

from raycal.experiment.file import read_experiment
from raycal.experiment.pending import CompletedKeys, count_work
from raycal.experiment.run import Run
from raycal.store.schemas import Table
from raycal.testing.simulated_engine import PROCESS

GENERATED = (Table.ANSWERS, Table.SAMPLES, Table.QUERIES)

# By vLLM's title or, as that cannot be set where the first variable of a process's environment was changed, and Ray
# starts its workers with theirs in any order, by its command line.
VLLM = r"VLLM::EngineCore|multiprocessing\.spawn"
REPLICA = "ray::MapWorker"


def identities(run: Run, table: Table) -> Counter[tuple[str, int | None]]:
    """How often each row's identity stands in the shards of a table."""
    rows = (row for shard in run.store.shards(table) for row in pq.read_table(shard).to_pylist())
    return Counter((row["key"], row.get("index")) for row in rows)


def opened(experiment_file: Path, store: Path) -> Run:
    return Run.open(read_experiment(experiment_file, [f"storage={store}"]))


def texts(run: Run, table: Table) -> dict[tuple[str, int | None], str | None]:
    return {(row["key"], row.get("index")): row["text"] for row in run.store.rows(f"SELECT * FROM {table}")}


def shards(store: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for table in GENERATED for path in (store / table).rglob("*.parquet")}


def eliciting(experiment_file: Path, store: Path, *settings: str) -> Background:
    command = [PROGRAM, "elicit", str(experiment_file), "--set", f"storage={store}"]
    for setting in settings:
        command += ["--set", setting]
    return Background(command)


def started_by(driver: Background, what: str) -> list[psutil.Process]:
    """The processes under a driver whose command lines a pattern matches."""
    return [child for child in driver.process.children(recursive=True) if re.search(what, command_of(child))]


def newest(driver: Background, what: str) -> psutil.Process:
    """Of such processes that which started last; one that is being replaced is waited for."""
    return max(driver.wait_until(lambda: started_by(driver, what)), key=psutil.Process.create_time)


def is_alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def assert_end(processes: list[psutil.Process]) -> None:
    deadline = (
        time.monotonic() + 45
    )  # at once, on a machine that may be busy; what waits for Ray to notice ends after 60
    while left := [command_of(process) for process in processes if is_alive(process)]:
        assert time.monotonic() < deadline, f"these outlive their driver: {left}"
        time.sleep(0.2)


def wait_for_shards(driver: Background, store: Path, count: int) -> None:
    driver.wait_until(lambda: len(shards(store)) >= count)


def assert_as_uninterrupted(run: Run, finished: Run, share: float = 1.0) -> None:
    """share: of the texts, how many must be the same."""
    for table in GENERATED:
        counts, expected = identities(run, table), identities(finished, table)
        assert set(counts) == set(expected)
        assert set(counts.values()) == {1}, "a row that was done has been done again"
        undisturbed = texts(finished, table)
        same = [text == undisturbed[key] for key, text in texts(run, table).items()]
        assert sum(same) / len(same) >= share


def processes_with_an_engine(driver: Background, engine: str = PROCESS) -> list[psutil.Process]:
    """What a driver has started once there is an engine among it.

    Ray's own agents notice the end of their node within a minute; what holds memory must be gone at once.
    """
    driver.wait_until(lambda: started_by(driver, engine))
    started = [process for what in (engine, REPLICA, "raylet") for process in started_by(driver, what)]
    assert len(started) >= 3
    return started


@pytest.mark.ray
def test_a_driver_killed_twice_resumes(
    simulated_file: Path, simulated_run: Run, tmp_path: Path, raycal: Raycal
) -> None:
    store = tmp_path / "store"
    for moment in ("while the engine starts", "while it works"):
        with eliciting(simulated_file, store) as driver:
            if moment == "while it works":
                wait_for_shards(driver, store, random.Random(str(tmp_path)).randint(1, 9))
            started = processes_with_an_engine(driver)
            driver.kill()
            before = shards(store)
            assert_end(started)
        written = shards(store)  # a batch that was on its way may have landed after the kill
        assert before.keys() <= written.keys()
    assert 0 < len(written) < len(shards(local(simulated_run.store.root)))

    raycal("elicit", str(simulated_file), "--set", f"storage={store}")
    after = shards(store)
    assert {path: after[path] for path in written} == written
    assert_as_uninterrupted(opened(simulated_file, store), simulated_run)


@pytest.mark.ray
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_driver_leaves_no_process(simulated_file: Path, tmp_path: Path, how: signal.Signals) -> None:
    with eliciting(simulated_file, tmp_path / "store") as driver:
        started = processes_with_an_engine(driver)
        driver.process.send_signal(how)
        assert driver.end(within_s=60) != 0
        if how is signal.SIGINT:
            assert "stopped; what was finished is in the store" in driver.said
        assert_end(started)


@pytest.mark.ray
def test_a_killed_engine_and_a_killed_replica_are_replaced(
    simulated_file: Path, simulated_run: Run, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with eliciting(simulated_file, store) as driver:
        # A batch is three shards: one more, and what the batch had to say of the engine has arrived.
        for victim, more in ((PROCESS, 3), (REPLICA, 4)):
            wait_for_shards(driver, store, len(shards(store)) + more)
            newest(driver, victim).kill()
        output = driver.finish()
    assert "elicit: an engine died and was started again" in output
    assert "elicit: a replica was lost" in output
    assert_as_uninterrupted(opened(simulated_file, store), simulated_run)


@pytest.mark.ray
def test_more_samples_generate_only_the_difference(
    simulated_file: Path, simulated_run: Run, tmp_path: Path, raycal: Raycal
) -> None:
    store = tmp_path / "store"
    shutil.copytree(local(simulated_run.store.root), store)
    before = shards(store)
    raycal("elicit", str(simulated_file), "--set", f"storage={store}", "--set", "elicit.samples.k=7")
    run = opened(simulated_file, store)
    grown, original = identities(run, Table.SAMPLES), identities(simulated_run, Table.SAMPLES)
    questions = {key for key, _ in original}
    assert set(grown) == {(key, index) for key in questions for index in range(7)}
    assert set(grown.values()) == {1}
    after = shards(store)
    assert {path: after[path] for path in before} == before
    assert {path.parent.parent.name for path in after.keys() - before.keys()} == {"samples"}


@pytest.mark.ray
def test_two_runs_on_one_store_do_no_harm(simulated_file: Path, simulated_run: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(local(simulated_run.store.root), store)
    for shard in sorted(shards(store))[::2]:
        shard.unlink()
    with eliciting(simulated_file, store) as one, eliciting(simulated_file, store, "engine.batch_size=6") as other:
        one.finish()
        other.finish()
    run = opened(simulated_file, store)
    for table in GENERATED:
        assert set(texts(run, table)) == set(texts(simulated_run, table))


@pytest.mark.ray
def test_finished_run_asks_nothing_and_starts_no_engine(
    simulated_file: Path, simulated_run: Run, raycal: Raycal
) -> None:
    before = shards(local(simulated_run.store.root))
    in_no_time = "engine.start_timeout_s=0.01"  # an engine that was started would end the run
    done = raycal("run", str(simulated_file), "--set", f"storage={simulated_run.store.root}", "--set", in_no_time)
    assert "elicit: 0 questions to ask" in done.stdout
    assert shards(local(simulated_run.store.root)) == before


@pytest.mark.ray
def test_truncated_shard_is_neither_read_nor_fatal(simulated_file: Path, simulated_run: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(local(simulated_run.store.root), store)
    victim = next((store / "answers").glob("*/*.parquet"))
    lost = pq.read_table(victim)["key"].to_pylist()
    victim.write_bytes(victim.read_bytes()[:-20])
    run = opened(simulated_file, store)
    done = CompletedKeys.read(run.store, run.recipe, retry_errors=False)
    _, left = count_work(run, done)
    assert left == len(lost)


@pytest.mark.engine
def test_real_engines_end_with_their_owner_and_a_killed_one_is_replaced(
    experiment_file: Path, finished: Run, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with eliciting(experiment_file, store) as driver:
        started = processes_with_an_engine(driver, VLLM)
        wait_for_shards(driver, store, 3)
        driver.kill()
        assert_end(started)
    with eliciting(experiment_file, store) as driver:
        wait_for_shards(driver, store, len(shards(store)) + 3)
        newest(driver, VLLM).kill()
        output = driver.finish()
    assert "elicit: an engine died and was started again" in output
    # Batches differ from run to run, and with them the last bits of the arithmetic.
    assert_as_uninterrupted(opened(experiment_file, store), finished, share=0.9)
