import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.report.labels import short_labels

TUNED = "fine tuned (dropout 0.0, target modules all-linear, learning rate {}, epochs 1)"


@pytest.mark.parametrize(
    ("labels", "short"),
    [
        (["zero shot", "sampling (token overlap)"], ["zero shot", "sampling (token overlap)"]),
        ([TUNED.format(0.002)], ["fine tuned"]),
        ([TUNED.format(0.002) + " + platt"], ["fine tuned + platt"]),
        ([f"combined ({TUNED.format(0.002)}, sampling)"], ["combined (fine tuned, sampling)"]),
        (
            [TUNED.format(0.002), TUNED.format(0.001)],
            ["fine tuned (learning rate 0.002)", "fine tuned (learning rate 0.001)"],
        ),
        ([TUNED.format(0.002), "fine tuned"], ["fine tuned (2)", "fine tuned"]),
        (["x" * 40, "x" * 41], ["x" * 31 + "…", "x" * 31 + "… (2)"]),
    ],
)
def test_options_give_way_until_a_label_is_short(labels: list[str], short: list[str]) -> None:
    assert [short_labels(labels)[label] for label in labels] == short


@given(st.lists(st.text("ab (),+", min_size=1, max_size=60), unique=True))
def test_short_labels_are_short_and_differ(labels: list[str]) -> None:
    short = short_labels(labels)
    assert set(short) == set(labels)
    assert len(set(short.values())) == len(labels)
    assert all(len(text) <= 32 + len(" (99)") for text in short.values())
    assert all(short[label] == label for label in labels if len(label) <= 32)
