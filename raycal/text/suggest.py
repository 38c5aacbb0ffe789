"""The end of an error message about an unknown name: the nearest valid one, and all of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(wrong: str, valid: Iterable[str]) -> str:
    """What to write instead of an unknown name.

    >>> nearest("samplin", ["zero_shot", "sampling"])
    "did you mean 'sampling'? There is: sampling, zero_shot"
    """
    names = sorted(valid)
    lowered = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(wrong.casefold(), lowered, n=1, cutoff=0.5)
    suggestion = f"did you mean {lowered[close[0]]!r}? " if close else ""
    return f"{suggestion}There is: {', '.join(names)}"
