"""Data frames and files: what leaves a store, and what comes in from elsewhere."""
