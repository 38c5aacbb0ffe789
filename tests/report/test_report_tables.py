from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
from made_up_run import interval_of, make_results, method_result, value_of

from raycal.report import tables
from raycal.report.results import RunResults, ShownComparison
from raycal.report.wording import metric_styles, style_of


def test_method_table_has_every_metric_with_its_interval(results: RunResults) -> None:
    table = tables.method_table(results)
    assert [row[0] for row, _ in table.rows] == [method.label for method in results.ordered]
    assert len(table.columns) == 1 + len(metric_styles())
    for method, (_, cells) in zip(results.ordered, table.rows, strict=True):
        assert cells[0].text == f"{100 * method.coverage:.1f}"
        for (name, metric), cell in zip(metric_styles().items(), cells[1:], strict=True):
            assert cell.text == metric.number(value_of(method, name))
            low, _ = interval_of(method, name)
            assert cell.interval.count(metric.number(low))


@pytest.mark.parametrize(("name", "best"), [("ece", min), ("auroc", max), ("brier", min), ("prr", max)])
def test_the_best_of_a_column_is_strong(
    results: RunResults, name: str, best: Callable[[Iterable[float]], float]
) -> None:
    table = tables.method_table(results)
    column = 1 + list(metric_styles()).index(name)
    value = best(value_of(method, name) for method in results.methods)
    strong = {cells[column].text for _, cells in table.rows if cells[column].strong}
    assert strong == {style_of(name).number(value)}


def test_accuracy_is_no_merit_of_a_method(results: RunResults) -> None:
    column = 1 + list(metric_styles()).index("accuracy")
    assert not any(cells[column].strong for _, cells in tables.method_table(results).rows)


def test_undefined_values_share_one_footnote_a_reason() -> None:
    correct = np.zeros(20, dtype=bool)
    methods = [method_result(name, name, np.linspace(0, 1, 20), correct) for name in ("zero_shot", "sampling")]
    table = tables.method_table(make_results(20, correct=correct, methods=methods, comparisons=[]))
    assert list(table.notes) == ["no answer is correct"]
    dashes = [cell for _, cells in table.rows for cell in cells if cell.text == "—"]
    assert len(dashes) >= 2
    assert {cell.note for cell in dashes} == {1}


def test_difference_table_pivots_metrics_into_columns(results: RunResults) -> None:
    table = tables.difference_table(results)
    assert [name for name, _ in table.columns] == [style_of(name).heading for name in ("ece", "brier", "auroc")]
    assert {pair for pair, _ in table.rows} == {(its.method, its.baseline) for its in results.comparisons}
    comparison = results.comparisons[0]
    cells = dict(table.rows)[(comparison.method, comparison.baseline)]
    ece = style_of(comparison.metric)
    assert cells[0].text == ece.difference(comparison.difference)
    assert cells[0].interval == f"[{ece.difference(comparison.low)}, {ece.difference(comparison.high)}]"
    assert cells[0].strong == comparison.settled


def test_a_metric_that_a_pair_lacks_is_a_dash() -> None:
    results = make_results(
        comparisons=[
            ShownComparison("classifier", "zero-shot", "ece", -0.1, -0.2, -0.05),
            ShownComparison("fine-tuned", "zero-shot", "auroc", 0.004, -0.01, 0.02),
        ]
    )
    (_, classifier), (_, tuned) = tables.difference_table(results).rows
    assert [cell.text for cell in classifier] == ["−10.0", "—"]
    assert [cell.text for cell in tuned] == ["—", "+0.4"]
    assert [classifier[0].strong, tuned[1].strong] == [True, False]


def test_most_confidently_wrong_are_wrong_and_ranked_by_the_mean_of_what_is_known() -> None:
    correct = np.array([True, False, False, False, False])
    first = np.array([1.0, 0.9, 0.6, np.nan, np.nan])
    second = np.array([1.0, 0.1, 0.6, 0.55, np.nan])
    methods = [method_result(name, name, p, correct) for name, p in (("zero_shot", first), ("verbalized", second))]
    rows = tables.most_confidently_wrong(make_results(5, correct=correct, methods=methods, comparisons=[]))
    assert [row.question.split()[-1] for row in rows] == ["2?", "3?", "1?"]
    assert [list(row.confidences) for row in rows] == [["0.60", "0.60"], ["—", "0.55"], ["0.90", "0.10"]]


def test_most_confidently_wrong_does_not_depend_on_the_order_of_the_rows() -> None:
    results = make_results(200, names=("sampling",))
    order = np.random.default_rng(1).permutation(200)
    method = results.methods[0]
    shuffled = make_results(
        200,
        correct=results.correct[order],
        questions=[results.questions[i] for i in order],
        answers=[results.answers[i] for i in order],
        accepted=[results.accepted[i] for i in order],
        methods=[method_result("sampling", method.label, method.confidence[order], results.correct[order])],
        comparisons=[],
    )
    assert tables.most_confidently_wrong(shuffled) == tables.most_confidently_wrong(results)
    assert len(tables.most_confidently_wrong(results)) == tables.WRONG_ROWS


def test_subjects_count_their_answers() -> None:
    correct = np.array([True, False, True, True])
    rows = tables.subject_table(make_results(4, names=(), correct=correct, subjects=["b", "b", "", "a"]))
    assert [(row.name, row.n, row.correct, row.accuracy) for row in rows] == [
        ("(none)", 1, 1, "100.0"),
        ("a", 1, 1, "100.0"),
        ("b", 2, 1, "50.0"),
    ]


def test_no_subjects_no_table() -> None:
    assert tables.subject_table(make_results(4, subjects=[""] * 4)) == []
    assert tables.subject_table(make_results(0)) == []


def test_long_texts_are_cut_and_say_so() -> None:
    assert tables.shortened("x" * 600) == "x" * 600
    assert tables.shortened("x" * 12_345).endswith("x… (12,345 characters)")
    assert len(tables.shortened("x" * 12_345)) < 700


@pytest.mark.parametrize(
    ("name", "value", "number", "difference"),
    [
        ("ece", 0.0512, "5.1", "+5.1"),
        ("ece", -0.0512, "−5.1", "−5.1"),
        ("ece", -0.0001, "0.0", "0.0"),
        ("brier", 0.12345, "0.123", "+0.123"),
        ("brier", 0.0, "0.000", "0.000"),
    ],
)
def test_numbers_as_shown(name: str, value: float, number: str, difference: str) -> None:
    assert style_of(name).number(value) == number
    assert style_of(name).difference(value) == difference


def test_settings_name_those_of_parts_after_the_part() -> None:
    base = make_results(10, names=("zero_shot", "classifier"), comparisons=[])
    its = {
        "target_modules": ["q_proj", "v_proj"],
        "layers": [],
        "k": None,
        "few_shot": False,
        "dropout": 0.0,
        "by": "platt",
        "entropy": {"method": "semantic_entropy"},
        "of": [{"method": "zero_shot"}, {"rank": 1}],
    }
    results = replace(base, methods=[base.methods[0], replace(base.methods[1], settings=its)])
    assert tables.settings(results) == {
        "classifier": [
            ("target modules", "q_proj, v_proj"),
            ("layers", "—"),
            ("k", "—"),
            ("few shot", "no"),
            ("dropout", "0.0"),
            ("by", "platt"),
            ("entropy: method", "semantic_entropy"),
            ("of 1: method", "zero_shot"),
            ("of 2: rank", "1"),
        ]
    }
