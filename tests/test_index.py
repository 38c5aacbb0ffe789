"""A run with nothing to do reads each table once, and its questions once."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import local

from raycal.api import report_stage, run_all
from raycal.events import ignore_event
from raycal.experiment.file import read_experiment
from raycal.experiment.run import Run
from raycal.stages.pipeline import score_stage
from raycal.stages.score import scores_of
from raycal.store.locations import Location
from raycal.store.shard_memo import ShardMemo
from raycal.store.store import Store


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the store is queried, how often a run goes through its questions, and how often it computes keys."""
    counts: Counter[str] = Counter()

    def count(owner: type, name: str, what: str) -> None:
        whole = getattr(owner, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            counts[what] += 1
            return whole(*arguments, **options)

        monkeypatch.setattr(owner, name, counted)

    for name in ("rows", "arrow", "batches"):
        count(Store, name, "queries")
    count(Run, "asked_blocks", "passes")
    count(Run, "keyed", "keys")
    return counts


@pytest.mark.ray
def test_a_run_with_nothing_to_do_reads_a_table_and_its_questions_once(
    simulated_run: Run, simulated_file: Path, reads: Counter[str]
) -> None:
    run = Run.open(read_experiment(simulated_file, [f"storage={simulated_run.store.root}"]))
    assert len(run.experiment.methods) == 5
    reads.clear()
    run_all(run, ignore_event)
    after_all = reads.copy()
    assert after_all["passes"] == 1
    assert after_all["keys"] == 1 + 5, "a grade's and a score's key by each method, once for each question"
    report_stage(run, ignore_event)
    # Answers, samples, queries, grades, scores; the row of the run, and what it cost.
    assert after_all["queries"] - (reads["queries"] - after_all["queries"]) == 7


@pytest.mark.ray
def test_what_is_written_meanwhile_is_read_and_nothing_else_is_read_again(
    simulated_run: Run, simulated_file: Path, tmp_path: Path, reads: Counter[str]
) -> None:
    store = shutil.copytree(local(simulated_run.store.root), tmp_path / "store")
    run, other = (Run.open(read_experiment(simulated_file, [f"storage={store}"])) for _ in range(2))
    method = run.experiment.methods[0]
    before = scores_of(run, method)
    reads.clear()
    assert scores_of(run, method) == before
    assert reads["queries"] == 0
    shutil.rmtree(store / "scores")
    score_stage(other, ignore_event)
    reads.clear()
    assert scores_of(run, method) == before
    assert reads["queries"] == 0, "the shards are named by what is in them, and so are the same"
    (partition,) = (store / "scores").glob(f"{method.method}-*")
    (shard,) = partition.glob("*.parquet")
    shutil.copy(shard, partition / "another.parquet")
    assert scores_of(run, method) == before
    assert reads["queries"] == 1


def test_a_result_is_remembered_as_long_as_its_shards_are_the_same(tmp_path: Path) -> None:
    memo, calls = ShardMemo(), []

    def read() -> int:
        calls.append(1)
        return len(calls)

    one: list[Location] = [tmp_path / "a"]
    two = [*one, tmp_path / "b"]
    assert [memo.get("x", one, read), memo.get("x", one, read)] == [1, 1]
    assert memo.get("x", two, read) == 2
    assert memo.get("y", two, read) == 3
    assert memo.has("y")
    assert not memo.has("z")
