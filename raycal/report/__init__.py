"""Figures and one self-contained HTML page for one run."""
