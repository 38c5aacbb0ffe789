from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

import pytest

from raycal.patience import with_patience


def nothing_to_check() -> None:
    raise AssertionError("nothing was late")


def test_it_yields_what_there_is_and_makes_no_more_than_was_taken() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(5):
            made.append(i)
            yield i

    some = with_patience(items(), 5, nothing_to_check)
    assert [next(some), next(some)] == [0, 1]
    assert made == [0, 1]
    assert list(some) == [2, 3, 4]


def test_an_error_of_the_items_is_raised_where_they_are_taken() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("as it came")

    some = with_patience(items(), 5, nothing_to_check)
    assert next(some) == 1
    with pytest.raises(ZeroDivisionError, match="as it came"):
        next(some)


def test_a_late_item_is_waited_for_as_long_as_the_check_allows() -> None:
    checked: list[float] = []

    def items() -> Iterator[str]:
        while len(checked) < 3:
            time.sleep(0.01)
        yield "late"

    assert list(with_patience(items(), 0.02, lambda: checked.append(time.monotonic()))) == ["late"]
    assert len(checked) >= 3


def test_what_never_comes_is_not_waited_for() -> None:
    def items() -> Iterator[str]:
        yield "first"
        Event().wait()

    def check() -> None:
        raise ValueError("there is no place for it")

    some = with_patience(items(), 0.02, check)
    assert next(some) == "first"
    with pytest.raises(ValueError, match="no place for it"):
        next(some)
