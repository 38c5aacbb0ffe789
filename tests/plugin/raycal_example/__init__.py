"""An extension of raycal: importing it registers what it has."""

from raycal_example import backends, graders, methods, metrics, sources

__all__ = ["backends", "graders", "methods", "metrics", "sources"]
