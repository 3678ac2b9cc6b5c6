"""zcbench: a zero-copy capture engine, and the harness that tells whether one is stable."""

from importlib.metadata import version

__version__ = version("zcbench")
