"""The section of a sweep in the page of the run that scored what it found."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_run import value_of
from made_up_sweep import DEFAULTS, make_importances, make_sweep, make_swept
from matplotlib.figure import Figure
from parsed_page import Page

from raycal.report import figures, sentences, sweep_figures
from raycal.report.page import write_report
from raycal.report.results import RunResults, ShownComparison
from raycal.report.sweep_results import Importances, SweepResults
from raycal.report.sweep_tables import FAILED_ROWS, TriedRow, said, tried_table, verdict

PICTURES = ["sweep_importances.png", "sweep_settings.png", "sweep_trials.png"]
EVIL = "ValueError: <script>alert('x')</script> & \"quotes\""


@pytest.fixture(autouse=True)
def _blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are tested here; the figures are in test_sweep_figures.py, and in the page of test_summary.py."""
    for module, names in (
        (figures, ("bar_chart", "reliability_diagrams", "risk_coverage")),
        (sweep_figures, ("trials", "settings", "importances")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, lambda _: Figure(figsize=(1, 1)))


@pytest.fixture(scope="module")
def sweep() -> SweepResults:
    return make_sweep()


@pytest.fixture(scope="module")
def swept(sweep: SweepResults) -> RunResults:
    return make_swept(sweep)


def html_of(results: RunResults, folder: Path) -> str:
    return write_report(results, folder).read_text(encoding="utf-8")


def text_of(results: RunResults, folder: Path) -> str:
    return re.sub(r"\s+", " ", Page(html_of(results, folder)).text)


def rows_of(results: RunResults) -> dict[tuple[str, str], TriedRow]:
    """The table of settings: (entry, what it is) -> the row."""
    assert results.sweep is not None
    return {(row.entry, row.role): row for row in tried_table(results, results.sweep).rows}


def headings(html: str) -> list[str]:
    return re.findall(r"<h[23][^>]*>([^<]*)</h[23]>", html)


def test_the_section_stands_in_the_page_of_a_sweep_alone(swept: RunResults, tmp_path: Path) -> None:
    html = html_of(swept, tmp_path / "swept")
    found = headings(html)
    assert found[:7] == [
        "Calibration and discrimination",
        "Sweep",
        "Searched options",
        "Importances",
        "Best and default settings",
        "Failed trials",
        "Methods",
    ]
    assert sorted(path.name for path in (tmp_path / "swept").glob("sweep*")) == PICTURES
    plain = html_of(replace(swept, sweep=None), tmp_path / "plain")
    assert not {"Sweep", "Failed trials"} & set(headings(plain))
    assert not list((tmp_path / "plain").glob("sweep*"))
    html = html.replace("Above: ", "Left: ").replace("Below: ", "Right: ", 1)  # the bars, of which a sweep has many
    before, rest = html.split('<section aria-labelledby="sweep">')
    assert before + rest.split("</section>\n", 1)[1] == plain


def test_the_page_is_accessible_and_loads_nothing(swept: RunResults, tmp_path: Path) -> None:
    html = html_of(swept, tmp_path)
    page = Page(html)
    assert len(page.attributes("table")) == len(page.attributes("caption"))
    images = page.attributes("img")
    assert len(images) == 3 + len(PICTURES)
    assert all(its["alt"] for its in images)
    assert {its.get("scope") for its in page.attributes("th")} == {"row", "col"}
    ids = [its["id"] for _, its in page.tags if "id" in its]
    assert len(ids) == len(set(ids))
    links = [its[name] for _, its in page.tags for name in ("src", "href") if name in its]
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    tables = re.findall(r"<table.*?</table>", html, re.DOTALL)
    assert len(tables) == len(page.attributes("table"))
    for table in tables:
        assert len({len(re.findall(r"<t[hd][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)}) == 1


def test_the_same_sweep_makes_the_same_bytes(swept: RunResults, tmp_path: Path) -> None:
    one, other = (html_of(swept, tmp_path / name) for name in ("one", "other"))
    assert one == other


def test_counts_are_of_all_trials(swept: RunResults, sweep: SweepResults, tmp_path: Path) -> None:
    text = text_of(swept, tmp_path)
    for state in ("finished", "stopped", "failed"):
        assert f"{state.capitalize()} trials {sum(its.state == state for its in sweep.trials)}" in re.sub(
            r"(trials)(\d)", r"\1 \2", text
        )


def test_a_setting_has_its_metrics_and_the_best_its_objectives_too(swept: RunResults, sweep: SweepResults) -> None:
    rows = rows_of(swept)
    methods = {method.label: method for method in swept.methods}
    columns = [name for name, _ in tried_table(swept, sweep).columns]
    assert [re.sub(r"\s", " ", name) for name in columns] == [
        "ECE % ↓",
        "smECE % ↓",
        "Brier ↓",
        "AUROC % ↑",
        "ECE % ↓, calibration",
        "AUROC % ↑, calibration",
    ]
    (number,) = (entry.best for entry in sweep.entries if entry.label == "sampling")
    assert number is not None
    best = sweep.by_number[number]
    for role, label in (("default", "sampling, default"), (f"best, trial {best.number}", "sampling, best")):
        row = rows["sampling", role]
        assert row.cells[0].text == f"{100 * value_of(methods[label], 'ece'):.1f}"
        assert row.cells[0].interval
        assert row.cells[2].text == f"{value_of(methods[label], 'brier'):.3f}"
    assert rows["sampling", "default"].setting == "k 10, equivalence exact, threshold 0.8"
    assert [cell.text for cell in rows["sampling", "default"].cells[4:]] == ["", ""]
    its = rows["sampling", f"best, trial {best.number}"]
    assert its.setting == said(best.settings)
    assert [cell.text for cell in its.cells[4:]] == [f"{100 * best.objectives[name]:.1f}" for name in ("ece", "auroc")]


def test_numbers_of_settings_have_three_digits() -> None:
    settings: dict[str, float | str] = {
        "learning_rate": 0.000123456,
        "batch": 1500,
        "threshold": 0.81999,
        "loss": "brier",
        "big": 123456.0,
    }
    assert said(settings) == "learning rate 0.000123, batch 1,500, threshold 0.82, loss brier, big 123000"
    assert said({}) == "nothing is searched"


@pytest.mark.parametrize("turned", [False, True])
def test_the_difference_is_best_minus_default_whichever_the_store_has(swept: RunResults, turned: bool) -> None:
    ends = ("sampling, default", "sampling, best") if turned else ("sampling, best", "sampling, default")
    sign = -1 if turned else 1
    comparisons = [
        ShownComparison(*ends, "ece", sign * -0.05, *sorted((sign * -0.08, sign * -0.02))),
        ShownComparison(*ends, "auroc", sign * -0.04, *sorted((sign * -0.06, sign * -0.01))),
        ShownComparison(*ends, "brier", sign * 0.01, *sorted((sign * -0.01, sign * 0.03))),
    ]
    ece, brier, auroc = rows_of(replace(swept, comparisons=comparisons))["sampling", "best − default"].cells[:3]
    assert (ece.text, ece.interval, ece.strong, ece.verdict) == ("−5.0", "[−8.0, −2.0]", True, "better")
    assert (auroc.text, auroc.strong, auroc.verdict) == ("−4.0", True, "worse")
    assert (brier.text, brier.strong, brier.verdict) == ("+0.010", False, "not settled")


@pytest.mark.parametrize(
    ("metric", "difference", "said_of_it"),
    [("ece", -0.05, "better"), ("ece", 0.05, "worse"), ("auroc", 0.05, "better"), ("auroc", -0.05, "worse")],
)
def test_a_verdict_knows_which_end_is_better(metric: str, difference: float, said_of_it: str) -> None:
    assert verdict(ShownComparison("a", "b", metric, difference, difference - 0.01, difference + 0.01)) == said_of_it
    assert verdict(ShownComparison("a", "b", metric, difference, -0.1, 0.1)) == "not settled"


def test_a_default_that_is_the_best_is_one_row_that_says_so(
    swept: RunResults, sweep: SweepResults, tmp_path: Path
) -> None:
    row = rows_of(swept)["zero shot", f"default = best, trial {sweep.entries[0].best}"]
    assert row.setting == "nothing is searched"
    assert row.cells[-1].text
    entries = [
        replace(its, best_method=its.default_method) if its.label == "sampling" else its for its in sweep.entries
    ]
    roles = [role for entry, role in rows_of(make_swept(replace(sweep, entries=entries))) if entry == "sampling"]
    assert len(roles) == 1
    assert "default = best" in text_of(swept, tmp_path)


def test_a_method_without_a_finished_trial_has_its_default_alone(sweep: SweepResults) -> None:
    entries = [replace(its, best=None, best_method=None) if its.label == "sampling" else its for its in sweep.entries]
    rows = rows_of(make_swept(replace(sweep, entries=entries)))
    assert rows["sampling", "default"].cells[0].text
    assert rows["sampling", "best"].setting == "no trial finished"
    assert {cell.text for cell in rows["sampling", "best"].cells} == {"—"}


def test_without_comparisons_the_objectives_are_shown_and_no_difference(swept: RunResults) -> None:
    rows = rows_of(replace(swept, comparisons=[]))
    assert [cell.text for cell in rows["sampling", "best − default"].cells] == ["—", "—", "", ""]


def test_an_error_is_shown_and_never_obeyed(sweep: SweepResults, tmp_path: Path) -> None:
    trials = [replace(its, error=EVIL) if its.state == "failed" else its for its in sweep.trials]
    html = html_of(make_swept(replace(sweep, trials=trials)), tmp_path)
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") == sum(its.state == "failed" for its in trials)
    assert EVIL in Page(html).text


def test_names_from_the_experiment_are_escaped(sweep: SweepResults, tmp_path: Path) -> None:
    name = "<b>sampling</b>"
    renamed = replace(
        sweep,
        sweep="<i>sweep</i>",
        entries=[replace(its, label=name) if its.label == "sampling" else its for its in sweep.entries],
        trials=[
            replace(its, entry=name, settings={**its.settings, "equivalence": "<u>exact</u>"})
            if its.entry == "sampling"
            else its
            for its in sweep.trials
        ],
        importances=dict.fromkeys(sweep.objectives, Importances(reason="<em>none</em>")),
    )
    run = replace(make_swept(sweep), sweep=renamed)
    assert not {tag for tag, _ in Page(html_of(run, tmp_path)).tags} & {"b", "i", "u", "em"}


def test_many_failures_are_cut_and_long_errors_too(tmp_path: Path) -> None:
    sweep = make_sweep(n=270)
    trials = [replace(its, error="word " * 1000) if its.state == "failed" else its for its in sweep.trials]
    assert sum(its.state == "failed" for its in trials) == 30
    html = html_of(make_swept(replace(sweep, trials=trials)), tmp_path)
    assert html.count("(5,000 characters)") == FAILED_ROWS == 20
    assert "The first 20 of 30 failed trials" in html


def test_without_failures_there_is_no_list_of_them(sweep: SweepResults, tmp_path: Path) -> None:
    trials = [its for its in sweep.trials if its.state != "failed"]
    html = html_of(make_swept(replace(sweep, trials=trials)), tmp_path)
    assert "Failed trials" not in headings(html)


def test_what_a_few_trials_cannot_say_is_a_sentence(tmp_path: Path) -> None:
    none = dict.fromkeys(
        ("ece", "auroc"), Importances(reason="7 trials finished, and it takes 10 to tell options apart")
    )
    text = text_of(make_swept(make_sweep(n=7, importances=none)), tmp_path)
    assert "No method has two searched options and four finished trials" in text
    assert text.count("has no importances: 7 trials finished, and it takes 10 to tell options apart.") == 2
    assert [path.name for path in tmp_path.glob("sweep*")] == ["sweep_trials.png"]


def test_one_objective_has_no_front(tmp_path: Path) -> None:
    text = text_of(make_swept(make_sweep(objectives=("auroc",))), tmp_path)
    assert "Pareto" not in text
    assert "the best so far" in text


def test_figures_in_words_name_the_best_trials(sweep: SweepResults) -> None:
    front = sentences.sweep_trials(sweep)
    assert sweep.front
    for number in sweep.front:
        trial = sweep.by_number[number]
        assert f"trial {number}, {trial.entry.replace('_', ' ')} (" in front
        assert f"ECE {100 * trial.objectives['ece']:.1f}" in front
    assert "lower is better" in front
    assert "higher is better" in front
    assert "fine tuned, " in sentences.sweep_settings(sweep)
    importances = {"ece": make_importances(), "auroc": Importances(reason="all finished trials have the same value")}
    said_of_them = sentences.sweep_importances(replace(sweep, importances=importances))
    assert f"ECE: method {100 * importances['ece'].shares[0].share:.0f} %" in said_of_them
    assert "AUROC: all finished trials have the same value" in said_of_them
    assert "best value so far" in sentences.sweep_trials(make_sweep(objectives=("ece",)))


def test_a_sweep_that_does_not_fit_together_is_refused(sweep: SweepResults, swept: RunResults) -> None:
    with pytest.raises(ValueError, match="which is not among"):
        replace(sweep, entries=sweep.entries[:2], front=[])
    with pytest.raises(ValueError, match="did not finish"):
        replace(sweep, front=[8])
    with pytest.raises(ValueError, match="finished without one of"):
        replace(sweep, objectives=["ece", "nll"])
    with pytest.raises(ValueError, match="the importances are those of"):
        replace(sweep, importances={})
    with pytest.raises(ValueError, match="is not of the methods"):
        replace(swept, methods=swept.methods[1:], comparisons=[])


def test_defaults_are_of_the_options() -> None:
    assert set(DEFAULTS) == {entry.label for entry in make_sweep().entries}
