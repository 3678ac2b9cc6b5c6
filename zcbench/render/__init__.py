"""Showing: a record and its result as something a person reads."""
