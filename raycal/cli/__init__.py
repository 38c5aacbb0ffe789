"""The command line: commands, options, rendering, job entry points."""
