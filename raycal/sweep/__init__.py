"""The search for the setting that knows best what it knows: Ray Tune and Optuna over all methods."""
