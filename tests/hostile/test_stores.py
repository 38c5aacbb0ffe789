"""Stores that others write into, that processes were killed over, and whose disk is full or another user's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up_store import make_run
from typer.testing import CliRunner, Result

from raycal.cli.main import app
from raycal.cli.render import list_results
from raycal.store import atomic
from raycal.store.atomic import atomic_file, atomic_folder
from raycal.store.locations import Location
from raycal.store.schemas import SCHEMAS, Table
from raycal.store.store import Store, StoreError, read_blocks

NOBODY = 65534

OTHER_SHARDS: list[tuple[str, Table, dict[str, list[Any]], str]] = [
    ("none of our columns", Table.ANSWERS, {"id": [1], "reply": ["Rome"]}, "it has no column key"),
    ("a key, and what is not ours", Table.ANSWERS, {"key": ["a"], "reply": ["Rome"]}, "it has a column reply"),
    ("our text without a key", Table.ANSWERS, {"text": ["Rome"]}, "it has no column key"),
    ("numbers as keys", Table.ANSWERS, {"key": [1], "text": ["Rome"]}, "its column key holds int64"),
    ("numbers as texts", Table.ANSWERS, {"key": ["a"], "text": [7]}, "its column text holds int64"),
    ("texts as numbers", Table.SCORES, {"key": ["a"], "confidence": ["sure"]}, "its column confidence holds string"),
    ("samples without an index", Table.SAMPLES, {"key": ["a"], "text": ["Rome"]}, "it has no column index"),
    ("keys in capitals", Table.ANSWERS, {"KEY": ["a"], "Text": ["Rome"]}, "it has no column key"),
    *(
        (f"a shard of {other} among answers", Table.ANSWERS, {name: [None] for name in SCHEMAS[other].names}, "it has")
        for other in Table
        if other is not Table.ANSWERS
    ),
]


@pytest.mark.parametrize(
    ("table", "columns", "said"), [row[1:] for row in OTHER_SHARDS], ids=[row[0] for row in OTHER_SHARDS]
)
def test_a_shard_that_no_raycal_wrote_is_refused_by_every_reader(
    table: Table, columns: dict[str, list[Any]], said: str, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    ours = store.write(table, "p", [{"key": "b"} | ({"index": 0} if table is Table.SAMPLES else {})])
    foreign = tmp_path / table / "p" / "foreign.parquet"
    shutil.copy(str(ours), foreign)
    assert list(store.rows(f"SELECT key FROM {table}"))
    pq.write_table(pa.table(columns), foreign)
    shards = store.shards(table)
    readers: list[Callable[[], object]] = [
        lambda: list(store.rows(f"SELECT count(*) AS n FROM {table}")),
        lambda: store.arrow(f"SELECT * FROM all_{table}"),
        lambda: list(store.batches(f"SELECT key FROM all_{table}", table, shards)),
        lambda: list(read_blocks(table, shards, ["key"])),
    ]
    for read in readers:
        with pytest.raises(StoreError, match=f"the shard {foreign} is not as raycal wrote it .*{said}.*: bring back"):
            read()
    assert ours in shards


@pytest.mark.parametrize(
    "columns",
    [
        {"key": ["a"], "text": ["Rome"]},
        {"key": ["a"], "text": ["Rome"], "prompt_tokens": [None]},
        {"key": ["a"], "text": ["Rome"], "prompt_tokens": [3.0], "model": pa.array(["m"], pa.large_string())},
        {name: ["a" if name == "key" else None] for name in [*SCHEMAS[Table.ANSWERS].names, "later"]},
    ],
    ids=["an older raycal's", "nothing known of a column", "written anew by pandas", "a newer raycal's"],
)
def test_a_shard_of_an_older_or_newer_raycal_is_read(columns: dict[str, Any], tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(Table.ANSWERS, "p", [{"key": "b"}])
    pq.write_table(pa.table(columns), tmp_path / "answers" / "p" / "other.parquet")
    assert sorted(row["key"] for row in store.rows("SELECT key FROM answers")) == ["a", "b"]
    blocks = read_blocks(Table.ANSWERS, store.shards(Table.ANSWERS), ["key", "text"])
    assert sum(map(len, blocks)) == 2


def test_results_are_whole_while_they_are_replaced(tmp_path: Path) -> None:
    store, ended = Store(tmp_path), threading.Event()
    numbers = iter(range(1_000_000))

    def replace() -> None:
        number = next(numbers)
        rows = [{"key": f"{number} {method}", "run": "r", "method": method} for method in ("a", "b")]
        store.replace(Table.METRICS, "r", rows)
        store.write(Table.RUNS, "r", [{"key": "r", "run": "r", "versions": str(number)}])

    def keep_replacing() -> None:
        while not ended.is_set():
            replace()

    replace()
    writer = threading.Thread(target=keep_replacing)
    writer.start()
    try:
        for _ in range(40):
            assert [row["method"] for row in list_results(tmp_path)] == ["a", "b"]
    finally:
        ended.set()
        writer.join()


@pytest.mark.parametrize("after", ["listed", "given"])
def test_a_query_whose_shard_was_replaced_begins_anew(after: str, tmp_path: Path, monkeypatch: Any) -> None:
    store = Store(tmp_path)
    first = store.write(Table.SCORES, "p", [{"key": "a", "confidence": 0.25}])
    other = store.write(Table.SCORES, "q", [{"key": "c", "confidence": 0.5}])
    assert isinstance(first, Path)
    assert other is not None
    given = store.shards(Table.SCORES)
    listed = store.shards

    def replaced_since(*arguments: Any) -> list[Location]:
        shards = listed(*arguments)
        if first.exists():
            store.write(Table.SCORES, "p", [{"key": "b", "confidence": 0.75}])
            first.unlink()
        return shards

    if after == "given":
        replaced_since(Table.SCORES)
    else:
        monkeypatch.setattr(store, "shards", replaced_since)
    narrowed = {Table.SCORES: given} if after == "given" else None
    rows = store.rows("SELECT key, confidence FROM scores ORDER BY key", shards=narrowed)
    assert [tuple(row.values()) for row in rows] == [("b", 0.75), ("c", 0.5)]


def test_a_shard_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(Table.ANSWERS, "p", [{"key": "a"}])
    dangling = tmp_path / "answers" / "p" / "gone.parquet"
    dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError) as raised:
        store.shards(Table.ANSWERS)
    assert raised.value.filename == str(dangling)


_KILLED = """
import os, sys
from pathlib import Path
from raycal.store.atomic import atomic_file, atomic_folder
with {block}(Path(sys.argv[1])) as aside:
    (aside / "part" if aside.is_dir() else aside).write_text("half")
    os.kill(os.getpid(), 9)
"""


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.glob(".*")}


@pytest.mark.parametrize("block", ["atomic_file", "atomic_folder"])
def test_what_a_killed_writer_left_goes_with_the_next_write(block: str, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED.format(block=block), str(tmp_path / "it")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(leftovers(tmp_path)) == 1
    atomic._clear_leftovers.cache_clear()  # as a new process would
    with atomic_file(tmp_path / "other") as aside:
        aside.write_text("whole")
    assert leftovers(tmp_path) == set()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


@pytest.mark.parametrize(
    ("name", "age_s", "stays"),
    [
        (".aside-{machine}-{pid}-0", 10 * 3600, True),
        (".aside-another0-1-0", 60, True),
        (".aside-another0-1-0", 2 * 3600, False),
        (".aside-0123456789abcdef", 2 * 3600, False),
        (".aside-0123456789abcdef", 60, True),
        (".aside-", 2 * 3600, False),
        (".another-tool's", 2 * 3600, True),
        ("aside-of-ours", 2 * 3600, True),
    ],
    ids=[
        "of a writer at work",
        "of another machine",
        "of another machine, old",
        "of an earlier release, old",
        "of an earlier release",
        "of a strange name",
        "hidden, not ours",
        "not hidden",
    ],
)
def test_what_may_still_be_written_stays(name: str, age_s: float, stays: bool, tmp_path: Path) -> None:
    path = tmp_path / name.format(machine=atomic._machine(), pid=os.getpid())
    path.touch()
    os.utime(path, (time.time() - age_s,) * 2)
    with atomic_folder(tmp_path / "folder"):
        pass
    assert path.exists() == stays


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, _ = make_run(tmp_path_factory.mktemp("made"), 40)
    return path


@pytest.fixture
def foreign_user() -> Iterator[Path]:
    """A folder that a user without rights may look into, and who writes from here on."""
    if os.geteuid():
        pytest.skip("only root may become another user")
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        os.seteuid(0)


def write_again(store: Store) -> object:
    return store.write(Table.GRADES, "p", [{"key": "b"}])


def replace_again(store: Store) -> None:
    store.replace(Table.GRADES, "p", [{"key": "b"}])


def read_again(store: Store) -> object:
    return list(store.rows("SELECT key FROM grades"))


@pytest.mark.parametrize(
    ("mode", "do"),
    [(0o755, write_again), (0o755, replace_again), (0o700, write_again), (0o700, read_again), (0o311, read_again)],
)
def test_another_users_partition_is_named(foreign_user: Path, mode: int, do: Callable[[Store], object]) -> None:
    store = Store(foreign_user / "store")
    store.write(Table.GRADES, "p", [{"key": "a"}])
    partition = foreign_user / "store" / "grades" / "p"
    partition.chmod(mode)
    os.seteuid(NOBODY)
    with pytest.raises(PermissionError) as raised:
        do(store)
    assert str(raised.value.filename).startswith(str(partition))


def in_process(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def fill(disk: Path) -> Path:
    """Write until nothing fits; returns what takes the room."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return ballast


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk, to be filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("command", ["grade", "score", "evaluate", "report"])
def test_a_small_disk_ends_a_stage_in_a_sentence(command: str, made: Path, small_disk: Path, tmp_path: Path) -> None:
    unmade = shutil.ignore_patterns("grades") if command == "grade" else None
    shutil.copytree(made.parent / "store", small_disk / "store", ignore=unmade)
    options = ["--set", f"storage={small_disk / 'store'}", "--set", "evaluate.replicates=0"]
    if command == "report":
        assert in_process("evaluate", str(made), *options).exit_code == 0
    ballast = fill(small_disk)
    done = in_process(command, str(made), *options)
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith(f"raycal: {small_disk / 'store'}/")
    assert done.stderr.splitlines()[-1].endswith(" cannot be used: no space left on device")
    assert not list(small_disk.rglob(".aside-*"))
    ballast.unlink()
    assert in_process(command, str(made), *options).exit_code == 0
