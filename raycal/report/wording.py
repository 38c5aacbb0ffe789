"""Names of metrics and formats of numbers, the same in figures, tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raycal.metrics import METRICS, Convention, MetricDefinition, metric_definitions
from raycal.report.results import MetricValue

_MINUS = "\N{MINUS SIGN}"
_PERCENT = "\N{NO-BREAK SPACE}%"


@dataclass(frozen=True)
class MetricStyle:
    """A metric as it is shown: its heading, its axis, its numbers."""

    metric: MetricDefinition

    @property
    def shown(self) -> str:
        """The name as shown."""
        return self.metric.title

    @property
    def meaning(self) -> str:
        """What the metric says, in one line."""
        return self.metric.meaning

    @property
    def higher_is_better(self) -> bool:
        """Which way is better."""
        return self.metric.higher_is_better

    @property
    def arrow(self) -> str:
        """An arrow that points to the better end."""
        return "↑" if self.higher_is_better else "↓"

    @property
    def heading(self) -> str:
        """Name, unit and arrow, as over a column."""
        return f"{self.shown}{' %' if self.metric.percent else ''}\N{NO-BREAK SPACE}{self.arrow}"

    @property
    def title(self) -> str:
        """Name, unit and which way is better, as over or beside an axis."""
        better = "higher" if self.higher_is_better else "lower"
        return f"{self.shown}{' (%)' if self.metric.percent else ''}  {self.arrow} {better} is better"

    def drawn(self, value: float) -> float:
        """A value as it stands on an axis."""
        return 100 * value if self.metric.percent else value

    def number(self, value: float) -> str:
        """A value as it stands in a table: one decimal in per cent, else three."""
        text = f"{100 * value:z.1f}" if self.metric.percent else f"{value:z.3f}"
        return text.replace("-", _MINUS)

    def difference(self, value: float) -> str:
        """A difference as it stands in a table: as a number, with its sign."""
        text = self.number(value)
        return text if value < 0 or not text.strip("0.") else f"+{text}"

    def spoken(self, value: float) -> str:
        """A value as it stands in a sentence, with its unit."""
        return f"{self.number(value)}{_PERCENT}" if self.metric.percent else self.number(value)

    def best(self, values: Sequence[float]) -> float:
        """The best of some values."""
        return max(values) if self.higher_is_better else min(values)


def style_of(name: str) -> MetricStyle:
    """How a metric is shown, by its name. Raises UnknownNameError."""
    return MetricStyle(METRICS.get(name))


def metric_styles() -> dict[str, MetricStyle]:
    """How each metric is shown, by name: those of raycal, and then those of installed packages."""
    return {name: MetricStyle(definition) for name, definition in metric_definitions().items()}


_P, _FOLDED = "p(correct)", "max(p, 1 - p) against whether the likelier of correct and wrong is right,"
_LOWER = "a bin holds its lower edge"
_CONVENTIONS = {
    Convention.EQUAL_WIDTH: (_P, f"{_LOWER}, the last one also 1"),
    Convention.RIGHT_CLOSED: (_P, "a bin holds its upper edge, the first one also 0"),
    Convention.TOP_LABEL: (_FOLDED, f"{_LOWER}, the last one also 1"),
    Convention.KAPOOR: (_FOLDED, f"{_LOWER}, and confidences of 1 fall out"),
}


def interval(metric: MetricStyle, value: MetricValue) -> str:
    """The interval as it stands in a table, empty where there is none."""
    return "" if value.interval is None else f"[{metric.number(value.interval[0])}, {metric.number(value.interval[1])}]"


def spoken(metric: MetricStyle, value: MetricValue, share: float) -> str:
    """A value with its interval of level `share` as they stand in a sentence, or why there is no value."""
    if value.value is None:
        return f"n/a ({value.reason})"
    if value.interval is None:
        return metric.spoken(value.value)
    low, high = (metric.number(end) for end in value.interval)
    return f"{metric.spoken(value.value)} ({level(share)} interval {low} to {high})"


def listed(names: Sequence[str]) -> str:
    """Names as a list in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def level(share: float) -> str:
    """An interval's level in per cent: 0.95 is 95 %."""
    return f"{100 * share:.6g}{_PERCENT}"


def convention(named: Convention, bins: int) -> str:
    """What the run's ECE bins, and how, in a sentence."""
    confidence, edges = _CONVENTIONS[named]
    binned = f"{confidence} in {bins} bins of equal width, weighted by their answers"
    return f"ECE by the convention {named}: {binned}; {edges}."
