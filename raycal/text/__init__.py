"""Replies as text: what they answer, and the one spelling in which texts are compared."""
