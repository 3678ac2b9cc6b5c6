"""How every figure looks: colours that tell apart for every kind of sight, sizes, fonts.

Colours are those of Okabe and Ito ("Color Universal Design", 2008), darkened until they reach 4.5:1 on white
(WCAG 2.2, 1.4.3), so that a label may have its line's colour. :data:`DARK` gives each its
counterpart for a dark page, with the same contrast there; the page replaces one by the other.
"""

from __future__ import annotations

WIDTH = 720  # of the plotting area, px; the page fits it to the screen
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"

PAPER = "#ffffff"
INK = "#1b2430"
FAINT_INK = "#55606e"
GRID = "#e3e7ec"
SHADE = "#c9d1db"  # areas in the background: warm-up

BLUE = "#0067a8"
ORANGE = "#b54a00"
GREEN = "#00775a"
PURPLE = "#9b3f7c"
RED = "#c01d2e"  # only for what is wrong
GREY = "#66717f"

DARK = {
    PAPER: "#14191f",
    INK: "#e8ecf1",
    FAINT_INK: "#a9b4c0",
    GRID: "#2b333d",
    SHADE: "#3a4552",
    BLUE: "#5cb8f0",
    ORANGE: "#f29a52",
    GREEN: "#35c79c",
    PURPLE: "#e394c6",
    RED: "#ff7b86",
    GREY: "#9aa6b4",
}
