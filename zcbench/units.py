"""Durations, sizes and rates: parse and print."""

from __future__ import annotations


class Duration(float):
    """A time in seconds; written "1h30m", "500ms" in scenarios and on the command line."""


class Size(int):
    """A number of bytes; written "64 KiB" in scenarios and on the command line."""
