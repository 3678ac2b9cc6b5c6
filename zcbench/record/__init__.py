"""The run directory: the only interface between running and judging."""
