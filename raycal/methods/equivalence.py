"""Equivalence of two answers to one question.

All rules compare normal forms (`raycal.text.normalize.normalize`), so that none depends on which of several spellings
was sampled first, and all are symmetric. Equal normal forms are always equivalent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from raycal.methods.base import Evidence
from raycal.methods.options import Equivalence, Method, Sampling, SemanticEntropy
from raycal.text.normalize import normalize

Embed = Callable[[list[str]], NDArray[np.float32]]  # n texts -> (n, d), rows of unit length
Same = Callable[[Evidence, str, str], bool | None]  # of two normal forms; None where a judge has not decided
Pair = frozenset[str]

_ROUNDING = 1e-6  # of a float32 cosine, which must not decide


def token_f1(left: str, right: str) -> float:
    """F1 of the words that two normal forms share, counted with repetition, in [0, 1] (Rajpurkar et al. 2016)."""
    words, others = left.split(), right.split()
    if not words or not others:
        return float(words == others)
    return 2 * (Counter(words) & Counter(others)).total() / (len(words) + len(others))


def comparer(config: Sampling | SemanticEntropy, rows: Sequence[Evidence], embed: Embed | None) -> Same:
    """The rule of a configuration, ready for the texts of these rows.

    Raises ValueError where the rule compares embeddings and there is no `embed`.
    """
    match config.equivalence:
        case Equivalence.EXACT:
            return lambda _row, left, right: left == right
        case Equivalence.TOKEN_OVERLAP:
            return lambda _row, left, right: token_f1(left, right) >= config.threshold
        case Equivalence.JUDGE:
            return lambda row, left, right: left == right or row.verdicts.get(frozenset((left, right)))
        case Equivalence.EMBEDDING:
            if embed is None:
                raise ValueError(f"{config.method} compares embeddings, so that it needs an embedding model")
            texts = sorted({text for row in rows for pair in compared_pairs(config, row) for text in pair})
            vectors = dict(zip(texts, embed(texts), strict=True)) if texts else {}
            return lambda _row, left, right: (
                left == right or bool(vectors[left] @ vectors[right] >= config.threshold - _ROUNDING)
            )


def compared_pairs(config: Sampling | SemanticEntropy, row: Evidence) -> set[Pair]:
    """The pairs of different normal forms that the method compares: with the answer, or among the samples."""
    texts = {normalize(sample.text) for sample in row.first(config.k)}
    pairs: Iterable[tuple[str, str]]
    if isinstance(config, Sampling):
        answer = normalize(row.answer)
        pairs = ((answer, text) for text in texts if text != answer)
    else:
        pairs = combinations(texts, 2)
    return {frozenset(pair) for pair in pairs}


def needed_pairs(config: Method, row: Evidence) -> set[Pair]:
    """The pairs of normal forms on which the method still lacks a judge's verdict; none for other equivalences.

    A pair that a judge left undecided is not asked again.
    """
    if not isinstance(config, Sampling | SemanticEntropy) or config.equivalence is not Equivalence.JUDGE:
        return set()
    return compared_pairs(config, row) - row.verdicts.keys()


def hindrance(config: Sampling | SemanticEntropy, row: Evidence) -> str | None:
    """Why a row has no confidence by a method that compares samples, or None where nothing hinders.

    Samples are missing, or verdicts are missing or undecided: an undecided pair is neither equivalent nor different,
    and to count it as either would be a silent default.
    """
    drawn = len(row.first(config.k))
    if drawn == 0:
        return "no samples"
    if config.k is not None and drawn < config.k:
        return f"only {drawn} of {config.k} samples"
    if config.equivalence is not Equivalence.JUDGE:
        return None
    pairs = compared_pairs(config, row)
    unasked = len(pairs - row.verdicts.keys())
    if unasked:
        return f"{unasked} of {len(pairs)} pairs of answers have not been judged"
    undecided = sum(row.verdicts[pair] is None for pair in pairs)
    return f"the judge left {undecided} of {len(pairs)} pairs of answers undecided" if undecided else None
