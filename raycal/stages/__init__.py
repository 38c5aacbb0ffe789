"""The stages of a run: store in, store out."""
