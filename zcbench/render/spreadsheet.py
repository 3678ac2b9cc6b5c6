"""Text from a record in a CSV cell."""

from __future__ import annotations


def harmless(value: object) -> object:
    """Text that a spreadsheet would take for a formula, so that it does not (OWASP, "CSV Injection")."""
    risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if risky else value
