"""The report: one self-contained HTML page, with its figures beside it as files."""

from __future__ import annotations

import struct
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raycal.report import (
    figures,
    sentences,
    sweep_figures,
    sweep_tables,
    tables,
    training_figures,
)
from raycal.report.results import RunResults
from raycal.report.sentences import finding
from raycal.report.style import png
from raycal.report.sweep_results import SweepResults
from raycal.report.wording import convention, level, listed, metric_styles, style_of
from raycal.store.atomic import atomic_file
from raycal.store.locations import Location
from raycal.text.visible import visible

_DPI = 200  # twice a screen's, enough for print


@dataclass(frozen=True)
class _Image:
    """A PNG as it stands in the page: sizes in CSS pixels, and what it shows in words."""

    png: bytes
    alt: str

    @property
    def uri(self) -> str:
        return f"data:image/png;base64,{b64encode(self.png).decode()}"

    @property
    def width(self) -> int:
        return self._size[0] * 96 // _DPI

    @property
    def height(self) -> int:
        return self._size[1] * 96 // _DPI

    @property
    def _size(self) -> tuple[int, int]:
        width, height = struct.unpack(">II", self.png[16:24])  # the header chunk comes first in every PNG
        return width, height


def write_report(results: RunResults, folder: Location) -> Location:
    """Write index.html and a PNG a figure beside it; returns the page's path.

    The figures are bar_chart, reliability, risk_coverage and, where there is something to show, training_size (of an
    ablation), training (of adapters), and sweep_trials, sweep_settings and sweep_importances (of a sweep). The page
    needs none of the other files: it loads nothing and runs nothing. Each file is written aside and renamed, the page
    last. The same results make the same bytes.
    """
    images = _images(results)
    html = _html(results, images)
    page = folder / "index.html"
    contents = {folder / f"{name}.png": image.png for name, image in images.items()} | {page: html.encode()}
    for path, content in contents.items():
        with atomic_file(path) as aside:
            aside.write_bytes(content)
    return page


def _images(results: RunResults) -> dict[str, _Image]:
    drawn = {
        "bar_chart": (figures.bar_chart, sentences.bar_chart),
        "reliability": (figures.reliability_diagrams, sentences.reliability_diagrams),
        "risk_coverage": (figures.risk_coverage, sentences.risk_coverage),
    }
    if results.ablations:
        drawn["training_size"] = (training_figures.training_sizes, sentences.training_sizes)
    if results.training:
        drawn["training"] = (training_figures.training_curves, sentences.training_curves)
    images = {name: _Image(png(draw(results), _DPI), alt(results)) for name, (draw, alt) in drawn.items()}
    return images | (_sweep_images(results.sweep) if results.sweep else {})


def _sweep_images(sweep: SweepResults) -> dict[str, _Image]:
    drawn = {"sweep_trials": (sweep_figures.trials, sentences.sweep_trials)}
    if sweep_figures.with_panels(sweep):
        drawn["sweep_settings"] = (sweep_figures.settings, sentences.sweep_settings)
    if any(importance.shares for importance in sweep.importances.values()):
        drawn["sweep_importances"] = (sweep_figures.importances, sentences.sweep_importances)
    return {name: _Image(png(draw(sweep), _DPI), alt(sweep)) for name, (draw, alt) in drawn.items()}


class _Quotation(str):
    """What a question or an answer says, in a cell of its own: it is shown as it was written."""

    __slots__ = ()


def _finalized(value: Any) -> Any:
    """A value as the page shows it: in a name, what would turn the direction of writing is seen instead."""
    return visible(value) if type(value) is str else value  # markup and quotations are classes of their own


def _html(results: RunResults, images: dict[str, _Image]) -> str:
    import yaml
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["quoted"] = _Quotation
    values: dict[str, Any] = {
        "results": results,
        "accuracy": style_of("accuracy").spoken(results.correct.mean()) if results.n else "—",
        "finding": finding(results),
        "level": level(results.level),
        "convention": convention(results.convention, results.bins),
        "methods": tables.method_table(results),
        "differences": tables.difference_table(results),
        "wrong": tables.most_confidently_wrong(results),
        "subjects": tables.subject_table(results),
        "full": {short: label for label, short in results.short.items() if short != label},
        "settings": tables.settings(results),
        "experiment": yaml.safe_dump(dict(results.experiment), sort_keys=False, allow_unicode=True, width=100),
    }
    if results.sweep:
        values |= {
            "sweep": results.sweep,
            "tried": sweep_tables.tried_table(results, results.sweep),
            "states": sweep_tables.states(results.sweep),
            "failures": sweep_tables.failed(results.sweep),
            "metrics": metric_styles(),
            "objectives": listed([style_of(name).shown for name in results.sweep.objectives]),
        }
    return environment.get_template("report.html.j2").render(values | images).strip() + "\n"
