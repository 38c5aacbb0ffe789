"""An experiment: its configuration, file, questions, keys and record."""
