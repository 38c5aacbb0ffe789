"""The facts behind the built-in questions: one module a field, each with its RELATIONS."""
