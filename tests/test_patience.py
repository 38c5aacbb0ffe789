from __future__ import annotations

import pytest

from raycal import patience as patience_module
from raycal.patience import Patience


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(patience_module, "time", clock)
    return clock


def test_it_checks_once_nothing_has_come_for_long_and_then_again_after_as_long(clock: Clock) -> None:
    checked: list[float] = []
    patience = Patience(5, lambda: checked.append(clock.now))
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


def test_what_the_check_raises_goes_on(clock: Clock) -> None:
    def check() -> None:
        raise ValueError("there is no place for it")

    patience = Patience(5, check)
    clock.now = 6
    with pytest.raises(ValueError, match="no place for it"):
        patience.look()
