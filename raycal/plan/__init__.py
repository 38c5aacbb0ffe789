"""A dry run: what an experiment or a sweep would ask, and what of it is there already. Starts and writes nothing."""

from raycal.plan.lines import Plan, PlanLine, Rates, Throughput

__all__ = ["Plan", "PlanLine", "Rates", "Throughput"]
