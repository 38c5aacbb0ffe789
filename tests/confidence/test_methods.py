"""Every method behind one function, and the two that only read a number."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from support import score

from raycal.methods.base import METHOD, Method, Needs, ScoredMethod
from raycal.methods.base import METHODS as METHODS_BY_NAME
from raycal.methods.evidence import Confidence, Equivalence, Evidence, Reply, SampledAnswer
from raycal.methods.likelihood import Likelihood
from raycal.methods.recalibrated import Recalibration
from raycal.methods.sampling import Sampling, Weighting
from raycal.methods.semantic_entropy import SemanticEntropy
from raycal.methods.verbalized import Verbalized
from raycal.methods.zero_shot import ZeroShot
from raycal.models.prompts import Phrasing
from raycal.testing import check_method

METHODS: list[ScoredMethod] = [
    ZeroShot(),
    *(Verbalized(phrasing=phrasing) for phrasing in Phrasing),
    Likelihood(),
    *(Sampling(equivalence=rule, weighting=weighting) for rule in Equivalence for weighting in Weighting),
    *(SemanticEntropy(equivalence=rule) for rule in Equivalence),
]


def by_length(texts: list[str]) -> NDArray[np.float32]:
    angles = np.array([len(text) / 10 for text in texts], dtype=np.float32)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


FULL = Evidence(
    question_id="q",
    question="What is the capital of France?",
    answer="Paris",
    mean_logprob=math.log(0.8),
    samples=(SampledAnswer(0, "Paris", -0.2), SampledAnswer(1, "paris", -0.3), SampledAnswer(2, "Rome", -1.5)),
    replies={
        "correctness": Reply(p=0.75),
        "probability": Reply("0.9"),
        "percent": Reply("90%"),
        "words": Reply("very likely"),
    },
    verdicts={frozenset({"paris", "rome"}): False},
)
BARE = Evidence(question_id="r", question="?", answer="")


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_every_method_scores_a_full_row_and_explains_a_bare_one(method: ScoredMethod) -> None:
    full, bare = score(method, [FULL, BARE], embed=by_length)
    assert full.value is not None
    assert bare.value is None
    assert bare.reason
    assert score(method, [BARE, FULL], embed=by_length) == [bare, full]
    assert score(method, [], embed=by_length) == []


def test_zero_shot_is_the_probability_of_correct() -> None:
    replies = [{"correctness": Reply(p=p)} for p in (0.25, None, math.nan, 1.2)]
    rows = [Evidence(question_id="q", question="?", answer="x", replies=reply) for reply in replies]
    assert score(ZeroShot(), rows) == [
        Confidence(0.25),
        Confidence(reason="no zero-shot probability"),
        Confidence(reason="p(correct) is nan, not between 0 and 1"),
        Confidence(reason="p(correct) is 1.2, not between 0 and 1"),
    ]


def test_likelihood_is_the_geometric_mean_of_token_probabilities() -> None:
    tokens = [0.5, 0.9, 0.1]
    row = Evidence(question_id="q", question="?", answer="x", mean_logprob=float(np.mean(np.log(tokens))))
    assert score(Likelihood(), [row])[0].value == pytest.approx(math.prod(tokens) ** (1 / 3))


@pytest.mark.parametrize(
    ("logprob", "reason"),
    [
        (None, "no log-probability"),
        (math.nan, "the mean log-probability is nan, not a number up to 0"),
        (0.1, "the mean log-probability is 0.1, not a number up to 0"),
    ],
)
def test_likelihood_explains_what_is_no_log_probability(logprob: float | None, reason: str) -> None:
    row = Evidence(question_id="q", question="?", answer="x", mean_logprob=logprob)
    assert score(Likelihood(), [row]) == [Confidence(reason=reason)]


@given(st.floats(-1000, 0), st.floats(-1000, 0))
def test_likelihood_grows_with_the_log_probability(one: float, other: float) -> None:
    rows = [Evidence(question_id="q", question="?", answer="x", mean_logprob=p) for p in sorted((one, other))]
    low, high = (confidence.value for confidence in score(Likelihood(), rows))
    assert low is not None
    assert high is not None
    assert 0 <= low <= high <= 1


def test_importing_the_methods_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'ray', 'vllm', 'transformers', 'sklearn', 'scipy', 'pandas', 'sentence_transformers'}"
    code = f"import raycal.methods, raycal.models.embeddings, raycal.grading, sys; print({heavy} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


FITTED = [
    {"method": "fine_tuned"},
    {"method": "classifier", "weight_decay": 1.0},
    {"method": "classifier", "weight_decay": 1.0, "head": "mlp", "width": 8},
    *({"method": "recalibrated", "of": {"method": "zero_shot"}, "by": kind} for kind in Recalibration),
    {"method": "combined", "of": [{"method": "zero_shot"}, {"method": "likelihood"}]},
]


@pytest.mark.filterwarnings("ignore:Got `batch_size`")
@pytest.mark.parametrize("method", [*METHODS, *map(METHOD.validate_python, FITTED)], ids=repr)
def test_every_method_is_as_raycal_relies_on(method: Method) -> None:
    check_method(method)


class NeverReady(ScoredMethod):
    """Says nothing though it has all that it needs."""

    method: Literal["likelihood"] = "likelihood"

    def needs(self) -> Needs:
        return Needs()

    def score(self, row: Evidence) -> Confidence:
        return Confidence(reason="not today")


def test_the_check_names_what_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="METHODS has another class as 'likelihood'"):
        check_method(NeverReady())
    monkeypatch.setattr(METHODS_BY_NAME, "_members", {"likelihood": NeverReady})
    with pytest.raises(AssertionError, match="not today"):
        check_method(NeverReady())


def test_a_kind_that_nobody_registers_is_an_error_and_no_default() -> None:
    with pytest.raises(ValidationError, match="there is no method 'samplin': did you mean 'sampling'"):
        METHOD.validate_python({"method": "samplin"})
