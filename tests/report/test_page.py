import base64
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_run import make_ablation, make_curve, make_results, method_result, value_of
from matplotlib.figure import Figure
from parsed_page import Page
from yaml.representer import RepresenterError

from raycal.metrics import Convention
from raycal.report import figures, training_figures
from raycal.report.grading import Grading, ShownGrader, ShownJudge
from raycal.report.page import write_report
from raycal.report.results import Cost, Counts, RunResults
from raycal.text.visible import visible

pytestmark = pytest.mark.usefixtures("coarse_figures")

PICTURES = ["bar_chart.png", "reliability.png", "risk_coverage.png"]
NASTY = "\n".join(
    [
        "<script>alert('x')</script>",
        '"><img src=x onerror="alert(1)">',
        "it's & that's; </td></table></body>",
        "first line\nsecond line",
        "Zürich 東京 مرحبا 🦜 \u202eevil",
        "{{ 7 * 7 }}{% include 'x' %}",
    ]
)


PLAIN = "as long as a label that is too long for a figure"


def few(n: int = 30, **changes: Any) -> RunResults:
    """A run with two methods: quick to draw."""
    return make_results(n, names=("zero_shot", "verbalized"), **changes)


def text_of(results: RunResults, folder: Path) -> str:
    return Page(write_report(results, folder).read_text(encoding="utf-8")).text


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of the words of a page: figures have their own, and are slow to draw."""
    for draw in (figures.bar_chart, figures.reliability_diagrams, figures.risk_coverage):
        monkeypatch.setattr(figures, draw.__name__, lambda results: Figure(figsize=(1, 1)))
    monkeypatch.setattr(training_figures, "training_curves", lambda results: Figure(figsize=(1, 1)))
    monkeypatch.setattr(training_figures, "training_sizes", lambda results: Figure(figsize=(1, 1)))


@pytest.fixture(scope="module")
def small_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report on the results that `few` makes; not to be written to."""
    folder = tmp_path_factory.mktemp("new") / "small" / "report"
    assert write_report(few(), folder) == folder / "index.html"
    return folder


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(make_results(), tmp_path_factory.mktemp("report")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_writes_the_page_and_its_figures_and_nothing_else(small_report: Path) -> None:
    assert sorted(path.name for path in small_report.iterdir()) == sorted(["index.html", *PICTURES])


def test_figures_in_the_page_are_the_files_beside_it(small_report: Path) -> None:
    html = (small_report / "index.html").read_text(encoding="utf-8")
    images = [its["src"].removeprefix("data:image/png;base64,") for its in Page(html).attributes("img")]
    assert [base64.b64decode(image) for image in images] == [(small_report / name).read_bytes() for name in PICTURES]


def test_page_is_self_contained(html: str, page: Page) -> None:
    assert "script" not in {tag for tag, _ in page.tags}
    links = [its[name] for _, its in page.tags for name in ("src", "href", "srcset", "action", "data") if name in its]
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert not re.search(r"url\(|@import|https?://", html)


def test_the_page_is_dark_where_the_reader_wants_it_and_light_in_print(html: str) -> None:
    assert '<meta name="color-scheme" content="light dark">' in html
    light, _, dark = html.partition("@media screen and (prefers-color-scheme: dark)")
    named = set(re.findall(r"(--\w+):", dark.partition("</style>")[0]))
    assert named == set(re.findall(r"(--\w+):", light))
    rules = html.partition("</style>")[0].partition("* { box-sizing")[2]
    assert not re.search(r"(color|background): ?#", rules), "every color is one of those"


def test_same_results_make_the_same_bytes(small_report: Path, tmp_path: Path) -> None:
    write_report(few(), tmp_path)
    for name in ["index.html", *PICTURES]:
        assert (tmp_path / name).read_bytes() == (small_report / name).read_bytes()


def test_a_failed_report_leaves_the_last_one_whole(small_report: Path, tmp_path: Path, blank_figures: None) -> None:
    folder = shutil.copytree(small_report, tmp_path / "report")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RepresenterError):
        write_report(few(50, experiment={"name": object()}), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_sections_stand_in_order(page: Page, html: str) -> None:
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", html)
    assert headings == [
        "Calibration and discrimination",
        "Methods",
        "Paired differences",
        "Reliability",
        "Risk and coverage",
        "Most confidently wrong",
        "Subjects",
        "The run",
    ]
    assert html.startswith("<!DOCTYPE html>")
    assert html.index('class="finding"') < html.index("<h2")


def test_header_and_run_show_what_the_run_was(page: Page) -> None:
    for text in ("worldfacts-3f9a1c", "smollm2-135m-instruct", "Split", "test", "temperature: 1.0", "0.32.0"):
        assert text in page.text


def test_counts_and_cost_are_shown(tmp_path: Path, blank_figures: None) -> None:
    text = text_of(few(counts=Counts(91_234, 1_234, 567), cost=Cost(7_654_321, 8_765_432, 9_876.5)), tmp_path)
    for number in ("91,234", "1,234", "567", "7,654,321", "8,765,432", "9,876.5"):
        assert number in text


def test_the_page_says_who_graded(tmp_path: Path, blank_figures: None) -> None:
    own = Grading([ShownGrader("judge", ShownJudge("small@1", is_under_test=True))])
    assert "graded by the model under test (judge), which judged itself." in text_of(few(grading=own), tmp_path / "own")
    assert "graded by" not in text_of(few(grading=Grading()), tmp_path / "old")


def test_every_picture_has_its_numbers_in_words(page: Page) -> None:
    bar_chart, reliability, risk = (its["alt"] for its in page.attributes("img"))
    for method in make_results().methods:
        assert f"{method.label} {100 * value_of(method, 'ece'):.1f}" in bar_chart
        assert f"{method.label} {100 * value_of(method, 'auroc'):.1f}" in bar_chart
        assert f"{method.label}: mean confidence {100 * np.nanmean(method.confidence):.1f}" in reliability
        assert f"{method.label} {100 * value_of(method, 'aurc'):.1f}" in risk


def test_tables_are_accessible(html: str, page: Page) -> None:
    tables = Counter(tag for tag, _ in page.tags)
    assert tables["table"] == tables["caption"] == 4
    assert {its.get("scope") for its in page.attributes("th")} == {"row", "col"}
    assert page.attributes("html") == [{"lang": "en"}]
    ids = [its["id"] for _, its in page.tags if "id" in its]
    assert len(ids) == len(set(ids))
    labelled_by = {its["aria-labelledby"] for _, its in page.tags if "aria-labelledby" in its}
    assert labelled_by
    assert labelled_by <= set(ids)


def test_rows_of_a_table_have_as_many_cells_as_its_head(html: str) -> None:
    tables = re.findall(r"<table.*?</table>", html, re.DOTALL)
    assert len(tables) == 4
    for table in tables:
        widths = {len(re.findall(r"<t[hd][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)}
        assert len(widths) == 1


def run_that_says(text: str) -> RunResults:
    """A run all of whose texts are this one."""
    base = make_results(60, names=("zero_shot",))
    column = [text] * 60
    return replace(
        base,
        run=text,
        model=text,
        dataset=text,
        split=text,
        questions=column,
        answers=column,
        accepted=column,
        subjects=column,
        methods=[method_result("zero_shot", text, base.methods[0].confidence, base.correct)],
        experiment={"name": text},
        versions={text: text},
        precision={text: [text]},
    )


@pytest.mark.filterwarnings("ignore:Glyph")  # no font has every script
def test_text_from_questions_and_models_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    shown, plain = (
        Page(write_report(run_that_says(text), tmp_path).read_text(encoding="utf-8")) for text in (NASTY, PLAIN)
    )
    assert [tag for tag, _ in shown.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(its) for _, its in shown.tags] == [sorted(its) for _, its in plain.tags]
    assert shown.text.count(NASTY) >= 3 * 20  # question, answer and accepted answer of 20 wrong answers


@pytest.mark.filterwarnings("error")  # such as matplotlib's, of characters that no font has
def test_in_names_what_is_obeyed_and_not_seen_is_a_mark(tmp_path: Path) -> None:
    named = "gpj\u202eexe\u2066 \x1b[2J \u200f"
    correct = np.zeros(30, dtype=bool)
    methods = [method_result("zero_shot", f"zero-shot {named}", np.linspace(0, 1, 30), correct)]
    results = make_results(30, correct=correct, methods=methods, comparisons=[])
    results = replace(results, dataset=named, subjects=[named] * 30, model=named)
    html = write_report(results, tmp_path).read_text(encoding="utf-8")
    assert visible(html) == html
    assert html.count("gpj&lt;U+202E&gt;exe") > 4


def test_reasons_are_escaped_footnotes(tmp_path: Path, blank_figures: None) -> None:
    correct = np.zeros(20, dtype=bool)
    method = method_result("zero_shot", "zero-shot", np.linspace(0, 1, 20), correct)
    auroc = replace(method.metrics["auroc"], reason="<b>one</b> class")
    method = replace(method, metrics={**method.metrics, "auroc": auroc})
    results = make_results(20, correct=correct, methods=[method], comparisons=[])
    page = Page(write_report(results, tmp_path).read_text(encoding="utf-8"))
    assert "No value: <b>one</b> class" in page.text
    notes = {its["id"] for its in page.attributes("li")}
    assert {its["href"].removeprefix("#") for its in page.attributes("a")} == notes


def test_a_very_long_text_is_cut(tmp_path: Path, blank_figures: None) -> None:
    text = text_of(few(answers=["word " * 50_000] * 30), tmp_path)
    assert "(250,000 characters)" in text
    assert len(text) < 100_000


@pytest.mark.parametrize("convention", Convention)
def test_the_convention_is_said_in_words(tmp_path: Path, blank_figures: None, convention: Convention) -> None:
    text = text_of(make_results(20, names=("zero_shot",), convention=convention, bins=15), tmp_path)
    assert f"ECE by the convention {convention}: " in text
    assert "in 15 bins of equal width" in text


@pytest.mark.parametrize(("n", "names"), [(0, ("zero_shot", "verbalized")), (0, ()), (5, ()), (1, ("zero_shot",))])
def test_degenerate_runs_have_a_page(tmp_path: Path, blank_figures: None, n: int, names: tuple[str, ...]) -> None:
    page = Page(write_report(make_results(n, names=names, comparisons=[]), tmp_path).read_text(encoding="utf-8"))
    assert len(page.attributes("img")) == 3
    assert "The run has no paired differences." in page.text
    assert "nan" not in page.text.lower().split()


def test_a_method_without_confidences_is_shown_as_such(tmp_path: Path, blank_figures: None) -> None:
    base = make_results(30, names=("zero_shot",))
    missing = method_result("verbalized", "verbalized", np.full(30, np.nan), base.correct)
    results = replace(base, methods=[*base.methods, missing])
    page = Page(write_report(results, tmp_path).read_text(encoding="utf-8"))
    bar_chart, reliability, _ = (its["alt"] for its in page.attributes("img"))
    assert "verbalized n/a (there are no rows)" in bar_chart
    assert "verbalized: no confidences" in reliability
    assert "No value: there are no rows" in page.text


def test_a_trained_adapter_adds_its_curve_and_what_it_took(tmp_path: Path, blank_figures: None) -> None:
    curve = make_curve("zero-shot", seconds=np.array([np.nan, *[250.0] * 8]))
    page = Page(write_report(few(training=[curve]), tmp_path).read_text(encoding="utf-8"))
    assert (tmp_path / "training.png").exists()
    alt = page.attributes("img")[3]["alt"].replace("\N{NO-BREAK SPACE}", " ")
    assert "zero-shot: 8 steps, 0 of them skipped" in alt
    assert "loss 0.660, ECE 30.0 %, AUROC 50.0 % at step 0" in alt
    assert "loss 0.600, ECE 15.0 %, AUROC 65.0 % at step 6, whose adapter was kept" in alt
    assert "Training seconds2,000.0" in re.sub(r"\s*\n\s*", "", page.text)


def test_an_ablation_adds_its_section_with_its_numbers_in_words(tmp_path: Path, blank_figures: None) -> None:
    results = make_ablation(sizes=(20, 1000))
    html = write_report(results, tmp_path).read_text(encoding="utf-8")
    assert (tmp_path / "training_size.png").exists()
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", html)
    assert headings[:3] == ["Calibration and discrimination", "Training size", "Methods"]
    alt = Page(html).attributes("img")[1]["alt"].replace("\N{NO-BREAK SPACE}", " ")
    methods = {method.label: method for method in results.methods}
    for name in ("ece", "auroc"):
        few, many, untrained = (
            100 * value_of(methods[label], name)
            for label in ("classifier, 20 questions", "classifier, 1000 questions", "zero-shot")
        )
        assert re.search(rf"classifier {few:.1f} % \([^)]*\) after 20, {many:.1f} % \([^)]*\) after 1,000", alt)
        assert f"zero-shot, not trained, {untrained:.1f} %" in alt


def test_tables_have_every_size_and_the_bar_chart_the_largest(tmp_path: Path, blank_figures: None) -> None:
    html = write_report(make_ablation(sizes=(20, 1000)), tmp_path).read_text(encoding="utf-8")
    bar_chart = Page(html).attributes("img")[0]["alt"]
    for size in (20, 1000):
        assert re.search(rf'<th scope="row">classifier, {size} questions\s*</th>', html)
        assert (f"classifier, {size} questions" in bar_chart) == (size == 1000)
    assert "show the one with the most" in html


def test_without_an_ablation_no_figure_leaves_anything_out(html: str) -> None:
    assert "show the one with the most" not in html


def test_nothing_trained_nothing_said_of_training(small_report: Path) -> None:
    assert "Training" not in Page((small_report / "index.html").read_text(encoding="utf-8")).text


def test_a_long_label_stands_once_in_full_and_is_short_elsewhere(tmp_path: Path, blank_figures: None) -> None:
    label = "fine tuned (dropout 0.0, target modules all-linear, learning rate 0.002, epochs 1)"
    base = make_results(30, names=("zero_shot", "fine_tuned"), comparisons=[])
    methods = [base.methods[0], replace(base.methods[1], label=label)]
    html = write_report(replace(base, methods=methods), tmp_path).read_text(encoding="utf-8")
    assert html.count(label) == 1
    assert f'<span class="full">{label}</span>' in html
    assert '<th scope="col">fine tuned</th>' in html


def test_settings_of_methods_are_shown(tmp_path: Path, blank_figures: None) -> None:
    base = make_results(30, names=("zero_shot", "fine_tuned"), comparisons=[])
    methods = [base.methods[0], replace(base.methods[1], settings={"learning_rate": 0.002})]
    html = write_report(replace(base, methods=methods), tmp_path).read_text(encoding="utf-8")
    assert "<h4>fine-tuned</h4>" in html
    assert "<h4>zero-shot</h4>" not in html
    assert "<dt>learning rate</dt><dd>0.002</dd>" in html
