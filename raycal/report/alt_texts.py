"""What each figure shows, in words and numbers, for those who do not see it."""

from __future__ import annotations

from raycal.report.results import MethodResult, RunResults
from raycal.report.wording import METRICS, spoken


def bar_chart(results: RunResults) -> str:
    """ECE and AUROC of every method, with intervals."""
    ece, auroc = (
        "; ".join(
            f"{method.label} {spoken(METRICS[name], method.metrics[name], results.level)}" for method in results.ordered
        )
        for name in ("ece", "auroc")
    )
    return f"Bar chart. ECE, lower is better: {ece or 'no methods'}. AUROC, higher is better: {auroc or 'no methods'}."


def reliability_diagrams(results: RunResults) -> str:
    """Mean confidence, accuracy, ECE and smECE of every method."""
    return f"Reliability diagrams. {'; '.join(_reliability(its, results) for its in results.ordered) or 'No methods'}."


def _reliability(method: MethodResult, results: RunResults) -> str:
    known = method.known
    if not known.any():
        return f"{method.label}: no confidences"
    confidence, accuracy = 100 * method.confidence[known].mean(), 100 * results.correct[known].mean()
    ece, smece = (spoken(METRICS[name], method.metrics[name], results.level) for name in ("ece", "smece"))
    return f"{method.label}: mean confidence {confidence:.1f} %, accuracy {accuracy:.1f} %, ECE {ece}, smECE {smece}"


def risk_coverage(results: RunResults) -> str:
    """The area under every method's curve, and the error rate of the random line."""
    aurc = METRICS["aurc"]
    areas = [f"{method.label} {spoken(aurc, method.metrics['aurc'], results.level)}" for method in results.ordered]
    if results.n:
        areas.append(f"random {aurc.spoken(1 - results.correct.mean())}")
    return f"Risk-coverage curves. Area under the curve, lower is better: {'; '.join(areas) or 'no methods'}."
