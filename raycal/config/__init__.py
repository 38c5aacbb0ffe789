"""Sections of an experiment file that several packages need."""
