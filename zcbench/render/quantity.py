"""A number with its unit, and a difference with its interval, for a person."""

from __future__ import annotations

from zcbench.quantities.units import MISSING, format_bytes, format_duration, format_rate


def show(value: float | None, unit: str | None) -> str:
    """``value`` in ``unit`` of the registries: "12.3 ms" of 12300000 ns, "99.97 %" of a ratio."""
    if value is None:
        return MISSING
    match unit:
        case "bytes":
            return format_bytes(value)
        case "bytes/s":
            return f"{value:,.3g} B/s"
        case "bytes/packet":
            return f"{value:,.3g} B a packet"
        case "ns":
            return format_duration(value / 1e9)
        case "s":
            return format_duration(value)
        case "ratio":
            return f"{value * 100:,.4g} %"
        case "ppm":
            return f"{value:,.3g} ppm"
        case "packets/s":
            return format_rate(value)
    text = f"{value:,.3f}"  # a typical number of leases may lie between two
    return text.rstrip("0").rstrip(".")


def signed(value: float | None, unit: str | None) -> str:
    """As :func:`show`, with the sign that a difference always has."""
    if value is None:
        return MISSING
    text = show(abs(value), "points" if unit == "ratio" else unit)
    if unit == "ratio":
        text = f"{abs(value) * 100:.3g} points"
    return ("+" if value >= 0 else "−") + text
