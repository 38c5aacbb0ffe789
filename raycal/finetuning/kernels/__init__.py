"""Layers and attention for training."""
