"""An extension of raycal: importing it registers what it has."""

from raycal_example import methods, sources

__all__ = ["methods", "sources"]
