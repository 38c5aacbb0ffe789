"""Ray clusters: connecting, resources, processors."""
