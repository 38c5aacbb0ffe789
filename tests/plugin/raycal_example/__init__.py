"""An extension of raycal: importing it registers what it has."""

from raycal_example import graders, methods, metrics, sources

__all__ = ["graders", "methods", "metrics", "sources"]
