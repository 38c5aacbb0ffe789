"""Agreement of two graders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    """How far two graders agree over the rows that both decided.

    `share` and `kappa` (Cohen 1960) are None where they have no value; `reason` then says why. Rows that the first, the
    second or both left undecided are counted in `undecided_first` and `undecided_second`.
    """

    rows: int
    decided: int
    undecided_first: int
    undecided_second: int
    share: float | None
    kappa: float | None
    reason: str | None


def agreement(first: Sequence[bool | None], second: Sequence[bool | None]) -> Agreement:
    """Agreement of two graders' decisions about the same rows, None being undecided.

    Raises ValueError where the two differ in length.
    """
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    share = kappa = reason = None
    if not pairs:
        reason = "no row was decided by both graders"
    else:
        n = len(pairs)
        share = sum(a == b for a, b in pairs) / n
        yes_first, yes_second = sum(a for a, _ in pairs), sum(b for _, b in pairs)
        # In whole numbers, so that the degenerate case is recognised exactly.
        by_chance = yes_first * yes_second + (n - yes_first) * (n - yes_second)
        if by_chance == n * n:
            reason = "both graders gave every row the same verdict, so that agreement by chance is certain"
        else:
            kappa = (share - by_chance / n**2) / (1 - by_chance / n**2)
    return Agreement(
        rows=len(first),
        decided=len(pairs),
        undecided_first=sum(a is None for a in first),
        undecided_second=sum(b is None for b in second),
        share=share,
        kappa=kappa,
        reason=reason,
    )
