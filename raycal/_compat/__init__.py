"""Private interfaces of libraries, one module a library: tests/test_compat.py fails when one of them changes."""
