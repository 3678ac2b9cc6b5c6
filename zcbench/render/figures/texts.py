"""Text in a figure: escaped, and how wide it will be about."""

from __future__ import annotations

from xml.sax.saxutils import escape

from zcbench.foreign import plain

# Of Liberation Sans and Arial, in ems: an average over the letters of English and digits, on the wide side.
_EM = 0.54


def xml(text: str) -> str:
    """``text`` as XML, whatever is in it: nothing acts, and nothing is there that XML cannot write."""
    return escape(plain(text), {'"': "&quot;"})


def width_px(text: str, size: float) -> float:
    """About how wide ``text`` is at a font ``size`` in px."""
    return _EM * size * len(text)
