"""An extension of raycal: importing it registers what it has."""

from raycal_example import methods, metrics

__all__ = ["methods", "metrics"]
