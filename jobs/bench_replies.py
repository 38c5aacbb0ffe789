"""How the time to read a reply grows with its length, for replies that a model writes when it goes wrong.

Each pattern is repeated up to a length, and the reply is graded as an open and as a multiple-choice answer, compared as
a sample, and read as a stated confidence and as a judge's verdict. Prints for each pattern the time of the longest
reply and the growth: the time per character at the longest over that at the shortest, which is 1 where reading is
linear. Ordinary replies of real models are read from JSONL files with a column "reply", if any are given, and told in
replies a second.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

from raycal.grading import match, parse_verdict
from raycal.methods.stated_reply import read_confidence
from raycal.models.prompts import Phrasing
from raycal.questions.question import Kind
from raycal.text.answer_form import answer_form

PATTERNS = (
    "a", "a ", "a. ", "9", "1,", "1,000", "1/", "1-", "0.", "5 km ", "5 to ", "B ", "B or ", "(A) ", "A. ", "not ",
    ".", "-", "(", "#", "'", "{", '":', "$", " ", "\n", "e\u0301", "東", "Paris or ", "Paris and ", "Paris/",
    "I don't know but ", "answer is ", "Answer:\n", "No, wait, ", "but it is ", "<think>", "<answer>", "\\frac",
    "\\boxed{", "90% ", "0 to ", "likely is ", "confidence of ", "twenty ", "yes ",
    "the quick brown fox jumps over Paris and ",
)  # fmt: skip
CITIES = ("London", "Paris", "Rome", "Berlin")
READERS: dict[str, Callable[[str], object]] = {
    "open": lambda reply: match(reply, ["Paris"], kind=Kind.OPEN),
    "number": lambda reply: match(reply, ["5 km"], kind=Kind.OPEN),
    "choice": lambda reply: match(reply, ["Paris"], kind=Kind.CHOICE, choices=CITIES),
    "sample": answer_form,
    "confidence": lambda reply: read_confidence(reply, Phrasing.PERCENT),
    "verdict": parse_verdict,
}


def seconds(reader: Callable[[str], object], reply: str) -> float:
    """Processor time to read a reply, without what it has read before."""
    start = time.process_time()
    reader(reply)
    return time.process_time() - start


def growth(pattern: str, reader: Callable[[str], object], lengths: Sequence[int]) -> tuple[float, float]:
    """Seconds of the longest reply, and its time per character over that of the shortest."""
    times = [seconds(reader, "".join(islice(cycle(pattern), length))) for length in lengths]
    return times[-1], (times[-1] / lengths[-1]) / max(times[0] / lengths[0], 1e-9)


def main() -> None:
    """Print the slowest patterns of each reader, and the speed with ordinary replies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[4_000, 16_000, 64_000], help="characters of a reply")
    parser.add_argument("--shown", type=int, default=3, help="patterns shown of each reader")
    parser.add_argument("replies", type=Path, nargs="*", help='JSONL files with a column "reply"')
    options = parser.parse_args()
    print(f"{'reader':<12}{'pattern':<20}{'seconds':>9}{'growth':>8}   (lengths {options.lengths})")
    for name, reader in READERS.items():
        measured = {pattern: growth(pattern, reader, options.lengths) for pattern in PATTERNS}
        for pattern, (longest, factor) in sorted(measured.items(), key=lambda item: -item[1][0])[: options.shown]:
            print(f"{name:<12}{pattern!r:<20}{longest:>9.3f}{factor:>8.1f}")
    for path in options.replies:
        with path.open(encoding="utf-8") as lines:  # str.splitlines would cut at marks that JSON leaves in texts
            replies = [json.loads(line)["reply"] for line in lines]
        speed = len(replies) / sum(seconds(READERS["open"], reply) for reply in replies)
        print(f"{path.name}: {speed:.0f} replies a second, {sum(map(len, replies)) / len(replies):.0f} characters each")


if __name__ == "__main__":
    main()
