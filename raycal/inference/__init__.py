"""Backends, and the runner that fans tasks out over replicas."""
