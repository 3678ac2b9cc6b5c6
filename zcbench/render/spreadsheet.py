"""Text from a record in a CSV cell."""

from __future__ import annotations

from zcbench.foreign import one_line


def harmless(value: object) -> object:
    """Text on one line, such that no spreadsheet takes it for a formula (OWASP, "CSV Injection")."""
    if not isinstance(value, str):
        return value
    risky = value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{one_line(value)}" if risky else one_line(value)
