"""Probes that live in the worker."""
