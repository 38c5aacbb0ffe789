"""raycal: measure and mend the confidence of language models, at cluster scale."""

__version__ = "0.1.0"
