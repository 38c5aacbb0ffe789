"""When two answers mean the same, and which pairs of them are compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycal.methods.equivalence import token_f1
from raycal.methods.evidence import Equivalence, Evidence, SampledAnswer
from raycal.methods.sampling import Sampling
from raycal.methods.semantic_entropy import SemanticEntropy
from raycal.stages.evidence import with_vectors

WORDS = st.lists(st.sampled_from("abcdef"), max_size=6).map(" ".join)


def elicited(answer: str, *texts: str, **more: object) -> Evidence:
    samples = tuple(SampledAnswer(index, text, -1.0) for index, text in enumerate(texts))
    return Evidence(question_id="q", question="?", answer=answer, samples=samples, **more)  # type: ignore[arg-type]


def pair(left: str, right: str) -> frozenset[str]:
    return frozenset((left, right))


def test_token_f1_exact_cases() -> None:
    assert token_f1("new york city", "new york") == pytest.approx(0.8)
    assert token_f1("a a b", "a b b") == pytest.approx(2 / 3)
    assert token_f1("x", "y") == 0
    assert token_f1("", "") == 1
    assert token_f1("", "x") == 0


@given(WORDS, WORDS)
def test_token_f1_is_symmetric_and_1_for_the_same_words_only(left: str, right: str) -> None:
    value = token_f1(left, right)
    assert 0 <= value <= 1
    assert value == token_f1(right, left)
    assert (value == 1) == (sorted(left.split()) == sorted(right.split()))


def test_threshold_of_token_overlap_is_reached_at_equality() -> None:
    row = elicited("x")
    for threshold, expected in ((0.8, True), (0.81, False)):
        method = Sampling(equivalence=Equivalence.TOKEN_OVERLAP, threshold=threshold)
        assert method.equivalent(row, "new york city", "new york") is expected


def test_embeddings_are_made_once_of_every_compared_text() -> None:
    calls: list[list[str]] = []
    vectors = {"paris": (1.0, 0.0), "city of light": (0.8, 0.6), "rome": (0.0, 1.0)}

    def embed(texts: list[str]) -> NDArray[np.float32]:
        calls.append(texts)
        return np.array([vectors[text] for text in texts], dtype=np.float32)

    method = Sampling(equivalence=Equivalence.EMBEDDING, threshold=0.8)
    rows = [elicited("Paris", "PARIS", "City of Light"), elicited("Rome", "the City of Light")]
    first, second = with_vectors(method, rows, embed)
    assert calls == [["city of light", "paris", "rome"]]
    assert method.equivalent(first, "paris", "city of light") is True  # cosine 0.8, in float32 a little less
    assert method.equivalent(second, "rome", "city of light") is False
    assert method.equivalent(first, "unseen", "unseen") is True


def test_answers_without_an_embedding_have_no_confidence() -> None:
    method = Sampling(equivalence=Equivalence.EMBEDDING)
    assert method.score(elicited("x", "x", "y")).reason == "2 of 2 answers have no embedding"
    assert method.score(elicited("x", "x", "X.")).value == 1


def test_compared_pairs_are_with_the_answer_or_among_the_samples() -> None:
    row = elicited("Paris", "paris.", "Rome", "ROME", "Lyon", "Berlin")
    assert Sampling(k=4).compared_pairs(row) == {pair("paris", "rome"), pair("paris", "lyon")}
    assert SemanticEntropy(k=4).compared_pairs(row) == {
        pair("paris", "rome"), pair("paris", "lyon"), pair("rome", "lyon"),
    }  # fmt: skip


def test_hindrances_of_samples_and_verdicts() -> None:
    judged = Sampling(equivalence=Equivalence.JUDGE)
    assert Sampling().hindrance(elicited("x")) == "no samples"
    assert Sampling(k=3).hindrance(elicited("x", "x", "y")) == "only 2 of 3 samples"
    assert Sampling(k=2).hindrance(elicited("x", "x", "y")) is None
    assert judged.hindrance(elicited("x", "x", "y")) == "1 of 1 pairs of answers have not been judged"
    undecided = elicited("x", "x", "y", "z", verdicts={pair("x", "y"): None, pair("x", "z"): True})
    assert judged.hindrance(undecided) == "the judge left 1 of 2 pairs of answers undecided"
    assert judged.hindrance(elicited("x", "X", "x.")) is None
