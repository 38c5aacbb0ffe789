from __future__ import annotations

from pathlib import Path

from raycal.inference.faults import StartCounter


def test_starts_are_counted_for_each_replica_until_it_has_done_something(tmp_path: Path) -> None:
    one, other = StartCounter(tmp_path / "starts", "a1"), StartCounter(tmp_path / "starts", "b2")
    assert [one.note(), one.note(), other.note()] == [1, 2, 1]
    assert StartCounter(tmp_path / "starts", "a1").note() == 3
    one.clear()
    assert [one.note(), other.note()] == [1, 2]


def test_an_engine_is_blamed_once_and_for_its_own_replica(tmp_path: Path) -> None:
    one, other = StartCounter(tmp_path / "starts", "a1"), StartCounter(tmp_path / "starts", "b2")
    assert not one.engine_is_to_blame()
    one.blame_engine()
    assert [other.engine_is_to_blame(), one.engine_is_to_blame(), one.engine_is_to_blame()] == [False, True, False]
    assert one.note() == 1
