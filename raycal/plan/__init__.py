"""A dry run: what an experiment or a sweep would ask, and what of it is there already. Starts and writes nothing."""

from raycal.plan.lines import Line, Plan, Rate, Rates

__all__ = ["Line", "Plan", "Rate", "Rates"]
