from __future__ import annotations

import pytest

from raycal.inference.faults import StallWatchdog


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_checks_once_nothing_has_come_for_long_and_then_again_after_as_long() -> None:
    clock = Clock()
    checked: list[float] = []
    patience = StallWatchdog(5, lambda: checked.append(clock.now), clock)
    patience.look()
    assert not checked
    clock.now = 6
    patience.renew()
    patience.look()
    assert not checked
    clock.now = 12
    patience.look()
    patience.look()
    assert checked == [12]
    clock.now = 18
    patience.look()
    assert checked == [12, 18]


def test_what_the_check_raises_goes_on() -> None:
    clock = Clock()

    def check() -> None:
        raise ValueError("there is no place for it")

    patience = StallWatchdog(5, check, clock)
    clock.now = 6
    with pytest.raises(ValueError, match="no place for it"):
        patience.look()
