from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_server import Server, s3_server

from raycal.store.keys import digest
from raycal.store.schemas import Table
from raycal.store.store import Store, StoreError, read_blocks


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def store_of_files(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture(params=["files", "bucket"])
def store(request: pytest.FixtureRequest, store_of_files: Store) -> Store:
    return store_of_files if request.param == "files" else Store(request.getfixturevalue("server").folder())


def answers(store: Store) -> list[tuple[str, str | None, str | None]]:
    return [(row["key"], row["text"], row["error"]) for row in store.rows("SELECT * FROM answers ORDER BY key")]


@given(st.permutations(["a", "b", "finished", "again"]), st.lists(st.sampled_from("xyz"), max_size=3))
@settings(max_examples=30)
def test_a_failed_row_never_takes_the_place_of_a_finished_one(order: list[str], failing: list[str]) -> None:
    batches: dict[str, list[dict[str, str]]] = {
        "finished": [{"key": key, "text": f"answer {key}"} for key in "xyz"],
        "a": [{"key": key, "error": "too long"} for key in "xyz"],
        "b": [{"key": key} | ({"error": "died"} if key in failing else {"text": f"answer {key}"}) for key in "xyz"],
        "again": [{"key": key, "error": "refused"} for key in "xyz"],
    }
    with TemporaryDirectory() as folder:
        store = Store(folder)
        for name in order:
            store.write(Table.ANSWERS, "p", batches[name])
        rows = {row["key"]: row["text"] for row in store.rows("SELECT key, text FROM answers WHERE error IS NULL")}
        assert rows == {key: f"answer {key}" for key in "xyz"}
        assert store.finished(Table.ANSWERS, "p", ["x:", "y:", "z:"]) == {"x:", "y:", "z:"}


def test_a_folder_above_a_store_is_no_column_of_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "text=Paris" / "error=none" / "key=1" / "store")
    store.write(Table.ANSWERS, "p", [{"key": "a", "text": "Rome"}])
    assert list(store.rows("SELECT key, text, error FROM answers")) == [{"key": "a", "text": "Rome", "error": None}]


def test_rows_come_back_with_null_for_columns_that_they_lack(store: Store) -> None:
    store.write(Table.ANSWERS, "p", [{"key": "a", "text": "Paris", "logprobs": [-0.5, -0.25]}])
    (row,) = store.rows("SELECT * FROM answers")
    assert (row["text"], row["logprobs"], row["error"]) == ("Paris", [-0.5, -0.25], None)


def test_a_shard_is_named_by_its_keys_in_any_order_and_a_retry_overwrites_it(store: Store) -> None:
    rows = [{"key": "a", "text": "1"}, {"key": "b", "text": "2"}]
    first = store.write(Table.ANSWERS, "p", rows)
    again = store.write(Table.ANSWERS, "p", rows[::-1])
    assert first == again
    assert len(store.shards(Table.ANSWERS)) == 1
    assert store.finished(Table.ANSWERS, "p", ["b:", "a:"]) == {"a:", "b:"}
    assert not store.finished(Table.ANSWERS, "p", ["a:"])
    assert not store.finished(Table.ANSWERS, "q", ["a:", "b:"])


def test_rows_that_failed_are_not_finished(store: Store) -> None:
    store.write(Table.SAMPLES, "p", [{"key": "a", "index": 0, "error": "too long"}, {"key": "a", "index": 1}])
    assert store.finished(Table.SAMPLES, "p", ["a:0", "a:1"]) == {"a:1"}


def test_a_key_in_several_shards_is_one_row_and_a_finished_one_beats_a_failed_one(store: Store) -> None:
    store.write(Table.ANSWERS, "p", [{"key": "a", "error": "too long"}, {"key": "b", "error": "too long"}])
    store.write(Table.ANSWERS, "p", [{"key": "a", "text": "Paris"}])
    assert answers(store) == [("a", "Paris", None), ("b", None, "too long")]


def test_a_confidence_that_was_missing_gives_way_to_one_that_was_found(store: Store) -> None:
    store.write(Table.SCORES, "p", [{"key": "a", "confidence": None, "reason": "no samples"}, {"key": "b"}])
    store.write(Table.SCORES, "p", [{"key": "a", "confidence": 0.25}])
    found = {row["key"]: row["confidence"] for row in store.rows("SELECT * FROM scores")}
    assert found == {"a": 0.25, "b": None}


def test_samples_are_told_apart_by_their_index(store: Store) -> None:
    store.write(Table.SAMPLES, "p", [{"key": "a", "index": index, "text": str(index)} for index in (0, 1)])
    assert [row["index"] for row in store.rows("SELECT index FROM samples ORDER BY index")] == [0, 1]


@pytest.mark.parametrize("cut", [0, 1, 4, 11, -1, -4, -9])
def test_a_shard_that_was_cut_off_is_left_out_and_said(
    store_of_files: Store, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_of_files
    store.write(Table.ANSWERS, "p", [{"key": "whole", "text": "x"}])
    victim = store.write(Table.ANSWERS, "p", [{"key": "lost", "text": "x"}])
    assert isinstance(victim, Path)
    victim.write_bytes(victim.read_bytes()[:cut])
    assert [key for key, *_ in answers(store)] == ["whole"]
    assert not store.finished(Table.ANSWERS, "p", ["lost:"])
    assert victim.name in caplog.text


def test_a_crash_in_mid_write_leaves_nothing_visible(store: Store) -> None:
    with pytest.raises(TypeError, match="int"):
        store.write(Table.ANSWERS, "p", [{"key": "a", "text": 3}])
    assert store.shards(Table.ANSWERS) == []
    assert list(store.folder(Table.ANSWERS, "p").glob("*")) == []


def test_a_partition_is_listed_by_itself_and_all_are_together(store: Store) -> None:
    shards = [store.write(Table.ANSWERS, partition, [{"key": "a", "text": partition}]) for partition in ("p", "pq")]
    assert [store.shards(Table.ANSWERS, partition) for partition in ("p", "pq")] == [[shard] for shard in shards]
    assert store.shards(Table.ANSWERS) == shards
    assert store.shards(Table.SAMPLES) == []
    assert [block.to_pydict() for block in read_blocks(Table.ANSWERS, shards, ["key", "text"])] == [  # type: ignore[arg-type]
        {"key": ["a"], "text": ["p"]},
        {"key": ["a"], "text": ["pq"]},
    ]


def test_an_empty_store_has_empty_tables_and_no_rows_make_no_shard(store: Store) -> None:
    assert store.write(Table.ANSWERS, "p", []) is None
    assert answers(store) == []


def test_invalid_sql_is_one_sentence(store: Store) -> None:
    with pytest.raises(StoreError, match=r"the query failed: .*nonsense"):
        list(store.rows("SELECT nonsense FROM answers"))


def test_shards_and_extra_tables_narrow_and_extend_a_query(store: Store) -> None:
    import pyarrow as pa

    one = store.write(Table.ANSWERS, "p", [{"key": "a", "text": "1"}])
    store.write(Table.ANSWERS, "p", [{"key": "b", "text": "2"}])
    assert one is not None
    found = store.rows("SELECT key FROM answers", shards={Table.ANSWERS: [one]})
    assert [row["key"] for row in found] == ["a"]
    wanted = {"wanted": pa.table({"key": ["b"]})}
    found = store.rows("SELECT text FROM wanted JOIN answers USING (key)", extra=wanted)
    assert [row["text"] for row in found] == ["2"]


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_different_parts_have_different_digests(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


def _text_as_numbers(shard: Path) -> None:
    pq.write_table(pa.table({"key": ["a"], "text": ["Rome"], "prompt_tokens": ["many"]}), shard)


def _damaged(shard: Path) -> None:
    content = shard.read_bytes()
    shard.write_bytes(content[:4] + b"x" * (len(content) - 12) + content[-8:])


@pytest.mark.parametrize("break_it", [_text_as_numbers, _damaged])
def test_a_shard_that_is_not_ours_is_named(break_it: Callable[[Path], None], tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(Table.ANSWERS, "p", [{"key": "b", "text": "Lima"}])
    shard = store.write(Table.ANSWERS, "p", [{"key": "a", "text": "Rome"}])
    assert isinstance(shard, Path)
    break_it(shard)
    with pytest.raises(StoreError, match=f"the shard {shard} is not as raycal wrote it .*: bring back the one"):
        list(store.rows("SELECT key, prompt_tokens FROM answers ORDER BY key"))
    with pytest.raises(StoreError, match=f"the shard {shard} is not as raycal wrote it"):
        list(read_blocks(Table.ANSWERS, store.shards(Table.ANSWERS), ["key", "prompt_tokens"]))
