"""Text: normalization and numerals."""
