"""Confidence methods, a module each: its options, its needs, its arithmetic."""
