"""An extension of raycal: importing it registers what it has."""

from raycal_example import graders, methods, sources

__all__ = ["graders", "methods", "sources"]
