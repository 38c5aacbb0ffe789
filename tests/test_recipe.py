from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import PROMPTS

from raycal.config.engine import PromptStyle
from raycal.experiment.config import ElicitConfig, Experiment, Samples
from raycal.experiment.recipe import Recipe
from raycal.methods.base import Method, prompts_of
from raycal.methods.combined import Combined
from raycal.methods.recalibrated import Recalibrated
from raycal.methods.sampling import Sampling
from raycal.methods.verbalized import Verbalized
from raycal.methods.zero_shot import ZeroShot
from raycal.models.find import Model
from raycal.models.prompts import FewShotExample, Phrasing
from raycal.store.schemas import Table

MODEL = Model("somewhere", "tiny", "1")
EXAMPLES = {("d", "open", "s"): (FewShotExample("Q?", (), "A"),)}


def recipe(**changes: Any) -> Recipe:
    settings: dict[str, Any] = {
        "model": MODEL,
        "style": PromptStyle.AUTO,
        "config": ElicitConfig(),
        "prompts": PROMPTS,
        "seed": 0,
        "examples": {},
    }
    return Recipe(**settings | changes)


def keys(of: Recipe) -> dict[str, str]:
    answer = of.answer_key("q", "d", "open", "s")
    return {
        "answer": answer,
        "samples": of.samples_key("q", "d", "open", "s"),
        **{prompt.name: of.query_key(prompt, answer) for prompt in of.prompts},
    }


def changed(**changes: Any) -> set[str]:
    before, after = keys(recipe()), keys(recipe(**changes))
    return {name for name, key in after.items() if before[name] != key}


ALL = {"answer", "samples", *(prompt.name for prompt in PROMPTS)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"model": Model("elsewhere", "tiny", "1")}, set()),  # where a model lies does not matter
        ({"model": Model("somewhere", "tiny", "2")}, ALL),
        ({"style": PromptStyle.BASE}, ALL),
        ({"config": ElicitConfig(max_tokens=9)}, ALL),
        ({"config": ElicitConfig(first_line=False)}, ALL),
        ({"examples": EXAMPLES}, ALL),
        ({"examples": {("d", "open", "other"): EXAMPLES["d", "open", "s"]}}, set()),  # another subject's examples
        ({"config": ElicitConfig(samples=Samples(k=20))}, set()),  # growing k keeps what is there
        ({"config": ElicitConfig(samples=Samples(temperature=0.5))}, {"samples"}),
        ({"config": ElicitConfig(samples=Samples(top_p=0.5))}, {"samples"}),
        ({"seed": 1}, {"samples"}),
        ({"prompts": PROMPTS[-1:]}, set()),
    ],
)
def test_a_key_changes_with_what_determines_its_row_and_with_nothing_else(
    changes: dict[str, Any], expected: set[str]
) -> None:
    assert changed(**changes) == expected


def names(methods: list[Method]) -> list[str]:
    return [prompt.name for prompt in prompts_of(methods)]


def test_the_queries_are_those_that_the_methods_need() -> None:
    words, number = Verbalized(phrasing=Phrasing.WORDS), Verbalized(phrasing=Phrasing.PROBABILITY)
    assert names([Sampling()]) == []
    assert names([words, ZeroShot(), number, words]) == ["words", "correctness", "probability"]
    combined = Combined(of=(words, ZeroShot()))
    assert names([Recalibrated(of=number), combined]) == ["probability", "words", "correctness"]


def test_every_generated_table_has_a_partition_in_the_order_of_writing() -> None:
    assert list(recipe().partitions) == [Table.ANSWERS, Table.SAMPLES, Table.QUERIES]
    weird = Recipe.of(Experiment(name="x"), Model("l", "org/../name", "1"), {})
    assert not any("/" in name for name in weird.partitions.values())


@given(st.lists(st.text(min_size=1), min_size=2, max_size=20, unique=True))
def test_no_two_questions_share_a_seed(ids: list[str]) -> None:
    of = recipe()
    seeds = sorted(of.sample_seed(one) for one in ids)
    assert all(later - earlier >= 1024 for earlier, later in pairwise(seeds))
    assert all(0 <= seed < 2**63 - 1024 for seed in seeds)
