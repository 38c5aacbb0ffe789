"""LoRA training on graded answers."""
