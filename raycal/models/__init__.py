"""Models: where they are, adapters, embeddings, prompts."""
