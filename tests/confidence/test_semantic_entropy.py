"""Entropy of the samples' meanings."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import score

from raycal.methods.evidence import Equivalence, Evidence, SampledAnswer
from raycal.methods.semantic_entropy import Linkage, SemanticEntropy, clusters, entropy

# Neighbours share a word: equivalent at token F1 0.5, a chain that no three of share.
CHAIN = ["aa bb", "bb cc", "cc dd", "dd ee"]
OVERLAP = {"equivalence": Equivalence.TOKEN_OVERLAP, "threshold": 0.5}


def elicited(*texts: str, **more: Any) -> Evidence:
    samples = tuple(SampledAnswer(index, text, -1.0) for index, text in enumerate(texts))
    return Evidence(question_id="q", question="?", answer="x", samples=samples, **more)


def value(row: Evidence, **config: Any) -> float | None:
    return score(SemanticEntropy(**config), [row])[0].value


def test_entropy_exact_cases() -> None:
    assert entropy([1, 2, 2, 1]) == pytest.approx(1.329661, abs=5e-7)
    assert entropy([5]) == 0
    assert entropy([1] * 8) == pytest.approx(math.log(8))
    assert entropy([0.5, 0.25, 0.25, 0]) == pytest.approx(1.5 * math.log(2))


@pytest.mark.parametrize("weights", [[], [0, 0], [-1, 2], [math.nan], [math.inf]])
def test_entropy_of_no_distribution_is_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="not defined"):
        entropy(weights)


def test_confidence_is_1_less_the_normalised_entropy() -> None:
    row = elicited("a b", "c", "C.", "d", "d", "e")
    assert value(row) == pytest.approx(1 - 1.329661 / math.log(6), abs=1e-6)
    assert value(elicited("x", "X", "x.")) == 1
    assert value(elicited("p", "q", "r")) == 0


def test_k_takes_the_first_samples_and_their_number() -> None:
    row = elicited("x", "x", "y", "z")
    assert value(row, k=2) == 1
    assert value(row, k=4) == pytest.approx(1 - entropy([2, 1, 1]) / math.log(4))
    assert score(SemanticEntropy(k=5), [row])[0].reason == "only 4 of 5 samples"


def test_rows_without_enough_samples_have_a_reason() -> None:
    reasons = [confidence.reason for confidence in score(SemanticEntropy(), [elicited(), elicited("x")])]
    assert reasons == ["no samples", "the entropy of one sample says nothing"]


def test_linkage_tells_chains_from_cliques() -> None:
    row = elicited(*CHAIN)
    assert value(row, **OVERLAP, linkage=Linkage.SINGLE) == 1
    assert value(row, **OVERLAP, linkage=Linkage.COMPLETE) == pytest.approx(1 - math.log(2) / math.log(4))


@pytest.mark.parametrize("linkage", Linkage)
def test_order_of_chained_samples_does_not_count(linkage: Linkage) -> None:
    found = {value(elicited(*order), **OVERLAP, linkage=linkage) for order in permutations([*CHAIN, CHAIN[1]])}
    assert len(found) == 1


def test_judged_samples_need_every_verdict() -> None:
    pairs = {frozenset({"p", "q"}): True, frozenset({"p", "r"}): False, frozenset({"q", "r"}): False}
    judged = {"equivalence": Equivalence.JUDGE}
    assert value(elicited("p", "q", "r", "r", verdicts=pairs), **judged) == pytest.approx(0.5)
    missing = dict(list(pairs.items())[:2])
    assert value(elicited("p", "q", "r", "r", verdicts=missing), **judged) is None
    assert value(elicited("p", "q", "r", "r", verdicts=pairs | {frozenset({"p", "q"}): None}), **judged) is None


RELATION = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)))


@given(RELATION, st.permutations(range(6)), st.sampled_from(Linkage))
def test_clusters_are_a_partition_that_keeps_the_linkage(
    related: set[tuple[int, int]], order: list[int], linkage: Linkage
) -> None:
    def same(left: str, right: str) -> bool:
        a, b = int(left), int(right)
        return (a, b) in related or (b, a) in related

    groups = clusters(map(str, order), same, linkage)
    assert sorted(text for group in groups for text in group) == [str(i) for i in range(6)]
    for group in groups:
        if linkage is Linkage.COMPLETE:
            assert all(same(a, b) for a in group for b in group if a != b)
        else:
            others = [text for other in groups if other is not group for text in other]
            assert not any(same(a, b) for a in group for b in others)
            assert len(clusters(group, same, linkage)) == 1


@given(RELATION, st.permutations(range(6)))
def test_single_linkage_does_not_depend_on_the_order(related: set[tuple[int, int]], order: list[int]) -> None:
    def same(left: str, right: str) -> bool:
        return (int(left), int(right)) in related or (int(right), int(left)) in related

    def partition(texts: list[int]) -> set[frozenset[str]]:
        return {frozenset(group) for group in clusters(map(str, texts), same, Linkage.SINGLE)}

    assert partition(order) == partition(list(range(6)))


@given(st.lists(st.sampled_from([*CHAIN, "aa ee", "ff"]), min_size=2, max_size=9), st.sampled_from(Linkage), st.data())
def test_confidence_is_in_range_and_blind_to_order(texts: list[str], linkage: Linkage, data: st.DataObject) -> None:
    found = value(elicited(*texts), **OVERLAP, linkage=linkage)
    assert found is not None
    assert 0 <= found <= 1
    assert found == value(elicited(*data.draw(st.permutations(texts))), **OVERLAP, linkage=linkage)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_merging_two_meanings_lowers_the_entropy(sizes: list[int]) -> None:
    merged = [sizes[0] + sizes[1], *sizes[2:]]
    assert entropy(merged) < entropy(sizes)
