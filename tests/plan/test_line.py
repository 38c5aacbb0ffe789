"""What a plan's numbers add up to, and how they are shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rich.console import Console

from raycal.cli.render import plan_table, short
from raycal.plan import Plan, PlanLine, Throughput

ANSWERS = PlanLine("answers", 100, 100, 40, 60, 9_000, 1_800, rate=Throughput(3.0, stated=True), gpus=4)
TRAINING = PlanLine("train x", 80, 20, 0, 20, 3_600, 0, is_bound=False, gpus=1, is_training=True)
PLAN = Plan("some-1", (ANSWERS, TRAINING), ("engines: 1",), ("An assumption.",))


def printed(plan: Plan) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(plan_table(plan))
    return capture.get()


def test_hours_are_tokens_by_the_rate_and_gpu_hours_count_every_gpu_of_an_engine() -> None:
    assert ANSWERS.hours == 1.0
    assert ANSWERS.gpu_hours == 4.0


def test_without_a_rate_there_are_no_hours_and_the_plan_says_of_what() -> None:
    assert TRAINING.hours is None
    assert TRAINING.gpu_hours is None
    assert PLAN.without_rate == ("train x",)
    assert (PLAN.hours, PLAN.gpu_hours) == (1.0, 4.0)
    assert "4.00 + ?" in printed(PLAN)


def test_what_is_done_takes_no_hours_whatever_the_rate() -> None:
    done = replace(TRAINING, prompt_tokens=0, requests=0)
    assert done.hours == 0
    assert Plan("x", (done,), (), ()).without_rate == ()


def test_hours_are_those_of_gpus_only_where_there_are_some_for_certain() -> None:
    assert "GPU-hours" in printed(PLAN)
    unsure = printed(replace(PLAN, lines=(replace(ANSWERS, gpus=None), TRAINING)))
    assert "GPU-hours" not in unsure
    assert "1.00 + ?" in unsure


def test_a_plan_is_plain_data_too() -> None:
    found = json.loads(json.dumps(PLAN.to_dict()))
    assert found["total"] == {
        "requests": 80,
        "prompt_tokens": 12_600,
        "generated_tokens": 1_800,
        "hours": 1.0,
        "gpu_hours": 4.0,
        "without_rate": ["train x"],
    }
    assert found["lines"][0]["rate"] == {"tokens_a_second": 3.0, "stated": True}
    assert found["lines"][0]["there"] == 40


def test_the_table_tells_bounds_from_what_is_expected() -> None:
    assert "<= 1,800" in printed(PLAN)
    assert "~ 1,800" in printed(replace(PLAN, lines=(replace(ANSWERS, is_bound=False),)))
    assert "40 of 100" in printed(PLAN)


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (99_999, "99,999"), (100_000, "100k"), (1_234_567, "1.23M"), (29_600_000_000, "29.6G"), (999_999, "1M")],
)
def test_counts_are_short(number: int, said: str) -> None:
    assert short(number) == said
