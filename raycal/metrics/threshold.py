"""The threshold of trust: the lowest confidence above which, with a guarantee, few enough answers are wrong.

Thresholds are tested from the strictest down, and the last before the first that fails is taken: fixed-sequence
testing, by which nothing is lost to testing many (Angelopoulos et al. 2021, "Learn then Test", arXiv 2110.01052;
Geifman & El-Yaniv 2017 share delta out among the tests instead). A threshold t fails unless so few of the k calibration
answers with p >= t are wrong that a binomial of k - 1 trials at the wanted error rate would show as few with a
probability of at most delta.

Why this holds although thresholds are themselves calibration confidences. Let R(t) be the error rate among all answers
with p >= t, and call t false where R(t) is above the wanted rate. Thresholds at which R crosses that rate are fixed
numbers; given how many calibration answers lie between them, the wrong ones above each are exactly binomial at that
rate. So a sequence that begins in safety passes its first false threshold with a probability of at most delta. One that
begins at a false threshold begins at an answer's own confidence; given that, only the k - 1 answers above it are
independent draws. Hence k - 1. Where confidences are tied, R must not fall as t does for this to be exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from raycal.metrics.counts import CountedRows

# The sequence begins with this share of the answers, and with so many that this number of errors may be among them. The
# strictest thresholds cannot pass, or pass only without a single error, and one failure ends the sequence. The rule
# knows the number of answers alone: one that saw which are wrong would void the guarantee. Of shares from 0 to .2 and 0
# to 5 errors, these two kept the most coverage on average, in simulations of AUROC .66 to .88 and 100 to 3,000 answers.
_SHARE_AT_START = 0.1
_ERRORS_AT_START = 2


@dataclass(frozen=True)
class TrustThreshold:
    """The answers with p >= threshold may be trusted; None where none may.

    coverage: the share of calibration answers that are trusted, and error the observed error rate among them (None
    where there are none). trusted: how many of the n calibration answers they are. With a probability of at least
    1 - delta over the calibration answers, at most error_rate of future trusted answers are wrong.
    """

    threshold: float | None
    coverage: float
    error: float | None
    error_rate: float
    delta: float
    n: int
    trusted: int

    @property
    def answers_needed(self) -> int:
        """The number of calibration answers below which no threshold passes, even if all of them are correct."""
        return _fewest(0, self.error_rate, self.delta)

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        promise = f"at most {_percent(self.error_rate)} of them are wrong (certainty {_percent(1 - self.delta)})"
        if self.threshold is None or self.error is None:
            short = self.n < self.answers_needed
            why = f"there are only {self.n:,}" if short else f"of the {self.n:,}, too many of the surest are wrong"
            return (
                f"No answers can be trusted so that {promise}: "
                f"it takes at least {self.answers_needed:,} calibration answers without an error, and {why}."
            )
        return (
            f"Trust answers with a confidence of at least {self.threshold:g}: {promise}. They are "
            f"{_percent(self.coverage)} of the answers ({self.trusted:,} of {self.n:,} in calibration, "
            f"of which {_percent(self.error)} are wrong)."
        )


def trust_threshold(p: ArrayLike, correct: ArrayLike, *, error_rate: float, delta: float = 0.1) -> TrustThreshold:
    """The lowest confidence above which at most `error_rate` of answers are wrong, by a test of level `delta`.

    p: (n,) in [0, 1]; correct: (n,) bool or 0/1; error_rate, delta: in (0, 1). The guarantee is for answers that are
    drawn as the calibration answers were, independently. It is void where p was fitted on the correctness of these
    answers, unless by a map that keeps all of them in order, as a temperature does.

    ValueError names the rows or the setting at fault.
    """
    from scipy.stats import binom

    for name, value in (("error_rate", error_rate), ("delta", delta)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, not at {value}")
    sample = CountedRows.of(p, correct)
    thresholds = sample.confidence[::-1]
    trusted, wrong = (np.cumsum(counts[::-1]) for counts in (sample.wrong + sample.right, sample.wrong))
    n = int(trusted[-1]) if len(trusted) else 0
    begin = int(np.searchsorted(trusted, _start(n, error_rate, delta)))
    passes = binom.cdf(wrong[begin:], trusted[begin:] - 1, error_rate) <= delta
    last = begin + int(np.argmin(np.append(passes, False))) - 1
    if last < begin:
        return TrustThreshold(None, 0.0, None, error_rate, delta, n, 0)
    count = int(trusted[last])
    return TrustThreshold(float(thresholds[last]), count / n, float(wrong[last] / count), error_rate, delta, n, count)


def _start(n: int, error_rate: float, delta: float) -> int:
    """How many answers the strictest threshold that is tested lets through; all, where there are too few."""
    return min(n, max(math.ceil(_SHARE_AT_START * n), _fewest(_ERRORS_AT_START, error_rate, delta)))


def _fewest(errors: int, error_rate: float, delta: float) -> int:
    """The fewest answers that pass the test with so many errors among them.

    A binomial of k - 1 trials stays at or below `errors` just where the next error comes after trial k - 1, and when it
    comes is negative binomial.
    """
    from scipy.stats import nbinom

    return int(nbinom.isf(delta, errors + 1, error_rate)) + errors + 2


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
