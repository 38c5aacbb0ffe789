"""The keyed store."""
