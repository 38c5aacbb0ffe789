"""Checks that every confidence method passes, ours and those of other packages."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from raycal.methods.base import METHOD, METHODS, FittedMethod, Method, Needs, SavedMethod, ScoredMethod
from raycal.methods.evidence import Evidence, Reply, SampledAnswer
from raycal.models.prompts import TwoChoices
from raycal.text.normalize import normalize

_TEXTS = ("Paris", "Rome", "paris.", "the City of Light", "Lyon")
_WIDTH = 6  # of made-up hidden states


def made_up_evidence(needs: Needs, count: int, *, seed: int = 0, reply: str = "0.7") -> list[Evidence]:
    """Evidence about `count` made-up answers that has all that a method needs.

    reply: to follow-up prompts whose reply is a text. Hidden states and probabilities are higher, by and large, for the
    second half of the answers.
    """
    chance = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        level = float(np.clip(0.3 + 0.4 * (number >= count / 2) + chance.normal(0, 0.1), 0.01, 0.99))
        texts = [_TEXTS[place] for place in chance.integers(len(_TEXTS), size=needs.samples)]
        forms = sorted({normalize(text) for text in (*texts, _TEXTS[0])})
        vectors = {form: chance.normal(size=4) for form in forms}
        rows.append(
            Evidence(
                question_id=f"q{number}",
                question=f"What is made up, number {number}?",
                answer=_TEXTS[0],
                mean_logprob=float(np.log(level)),
                samples=tuple(SampledAnswer(index, text, -float(index + 1)) for index, text in enumerate(texts)),
                replies={
                    prompt.name: Reply(p=level) if isinstance(prompt, TwoChoices) else Reply(text=reply)
                    for prompt in needs.prompts
                },
                verdicts={frozenset(pair): bool(chance.random() < 0.5) for pair in combinations(forms, 2)},
                vectors={form: (v / np.linalg.norm(v)).astype(np.float32) for form, v in vectors.items()},
                state=(chance.normal(size=_WIDTH) + level).astype(np.float32) if needs.states is not None else None,
                bases=(level,) * len(needs.bases),
                tuned=Reply(p=level) if needs.tuned is not None else None,
            )
        )
    return rows


def check_method(method: Method, *, reply: str = "0.7") -> None:
    """Check what raycal relies on of a confidence method; AssertionError says what does not hold.

    reply: what a model may say to the method's follow-up prompts, where these ask for a text.

    >>> from raycal.methods.likelihood import Likelihood
    >>> check_method(Likelihood())
    """
    _check_options(method)
    needs = method.resolved(10).needs()
    rows = made_up_evidence(needs, 40, reply=reply)
    for row in rows:
        pairs = method.compared_pairs(row)
        assert all(len(pair) == 2 for pair in pairs), "compared_pairs: a pair is two different normal forms"
        assert all(normalize(text) == text for pair in pairs for text in pair), "compared_pairs: pairs of normal forms"
    match method:
        case ScoredMethod():
            _check_scores(method, rows)
        case FittedMethod():
            _check_fit(method, rows)
        case _:
            raise AssertionError(f"{type(method).__name__} is neither a ScoredMethod nor a FittedMethod")


def _check_options(method: Method) -> None:
    assert METHODS.get(method.method) is type(method), f"METHODS has another class as {method.method!r}: register this"
    again = METHOD.validate_json(method.model_dump_json())
    assert again == method, "a method is what its JSON says: it is stored as that"
    assert pickle.loads(pickle.dumps(method)) == method, "a method travels to other processes"  # noqa: S301 - our own
    assert method.model_copy(update={"name": "x"}).identity() == method.identity(), "a name changes no key"
    assert method.needs() == method.needs(), "needs() depends on the options alone"
    closed = method.resolved(10)
    assert closed.resolved(20) == closed, "resolved() leaves nothing open"
    assert method.label, "a method has a label"


def _check_scores(method: ScoredMethod, rows: Sequence[Evidence]) -> None:
    scored = [method.score(row) for row in rows]
    reasons = {confidence.reason for confidence in scored if confidence.value is None}
    assert not reasons, f"score: evidence that has all that needs() names gives a confidence, and not: {reasons}"
    assert [method.score(row) for row in rows] == scored, "score: the same evidence gives the same confidence"
    bare = Evidence(question_id="q", question="?", answer="x")
    assert method.score(bare) is not None, "score: evidence that lacks what is needed gives a reason, or a confidence"


def _check_fit(method: FittedMethod, rows: Sequence[Evidence]) -> None:
    targets = np.arange(len(rows)) >= len(rows) / 2
    targets[[3, -3]] = targets[[-3, 3]]
    fitted = method.fit(rows, targets, seed=0)
    p = fitted.predict(rows)
    assert p.shape == (len(rows),), f"predict: one number a row, and not {p.shape}"
    assert (np.isnan(p) | ((p >= 0) & (p <= 1))).all(), "predict: numbers from 0 to 1, or NaN"
    np.testing.assert_array_equal(
        method.fit(rows, targets, seed=0).predict(rows), p, "fit: the seed decides all chance"
    )
    backwards = fitted.predict(rows[::-1])[::-1]
    np.testing.assert_allclose(backwards, p, atol=1e-9, err_msg="predict: the order of rows does not matter")
    alone = np.concatenate([fitted.predict([row]) for row in rows])
    np.testing.assert_allclose(alone, p, atol=1e-9, err_msg="predict: nor does which rows are asked together")
    if isinstance(method, SavedMethod):
        with TemporaryDirectory() as folder:
            path = Path(folder) / method.file_name
            method.fit(rows, targets, seed=0).save(path)
            np.testing.assert_array_equal(method.load(path).predict(rows), p, "load: what was saved says the same")
