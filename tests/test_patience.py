from __future__ import annotations

import time

import pytest

from raycal.patience import Patience


def test_it_checks_once_nothing_has_come_for_long_and_then_again_after_as_long() -> None:
    checked: list[float] = []
    patience = Patience(0.05, lambda: checked.append(time.monotonic()))
    patience.look()
    assert not checked
    time.sleep(0.06)
    patience.renew()
    patience.look()
    assert not checked
    time.sleep(0.06)
    patience.look()
    patience.look()
    assert len(checked) == 1
    time.sleep(0.06)
    patience.look()
    assert len(checked) == 2


def test_what_the_check_raises_goes_on() -> None:
    def check() -> None:
        raise ValueError("there is no place for it")

    patience = Patience(0.01, check)
    time.sleep(0.02)
    with pytest.raises(ValueError, match="no place for it"):
        patience.look()
