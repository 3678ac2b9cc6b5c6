"""Specifications become pictures in a process of their own: what kills a renderer costs a figure.

vl-convert is Rust around V8: it can panic, trap, leave with a code of its own, or never come back. The child
takes orders as lines of JSON, and answers each with its bytes before it begins with the next; what it had
answered when it died is kept, and a second child makes what came after.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zcbench.foreign import of_error, of_exit

if TYPE_CHECKING:
    from zcbench.render.figures import Figure

SVG, PNG, SCRIPT = "svg", "png", "script"
PNG_SCALE = 2  # device pixels for a CSS pixel: sharp on today's screens and in print
MOST_CHILDREN = 2  # a renderer that dies of two orders dies of all
# All figures take a second; the limit is for a renderer that hangs on a machine that is busy.
PATIENCE_S = 60.0
_LENGTH_BYTES = 8
_FAILED = 1  # first byte of an answer: what follows is why, not a picture


class ConversionError(Exception):
    """A picture that could not be made; the message says why."""


@dataclass(frozen=True)
class Order:
    """What to make: SVG or PNG of the Vega-Lite specification ``what``, or Vega itself as a SCRIPT."""

    kind: str
    what: Any


def pictures(figures: Sequence[Figure]) -> tuple[dict[str, str], dict[str, str]]:
    """The SVG of each figure by its name, and why there is none of the others."""
    made = convert([Order(SVG, figure.spec) for figure in figures])
    named = list(zip((figure.name for figure in figures), made, strict=True))
    drawn = {name: one.decode() for name, one in named if isinstance(one, bytes)}
    return drawn, {name: str(one) for name, one in named if isinstance(one, ConversionError)}


def tell_lost(lost: Mapping[str, str]) -> None:
    """Say on stderr which figures a report does without, and why."""
    for name, why in lost.items():
        print(f"zcbench: the figure {name!r} could not be drawn: {why}", file=sys.stderr)


def convert(orders: Sequence[Order]) -> list[bytes | ConversionError]:
    """What each of ``orders`` asks for, or why it could not be made. Raises nothing that a renderer does."""
    made: list[bytes | ConversionError] = []
    for _ in range(MOST_CHILDREN):
        if len(made) == len(orders):
            return made
        answers, why = _from_child(orders[len(made) :])
        made += answers
        if len(made) < len(orders):
            made.append(ConversionError(why))
    return made + [ConversionError(why)] * (len(orders) - len(made))


def _from_child(orders: Sequence[Order]) -> tuple[list[bytes | ConversionError], str]:
    """What one child has answered, in order, and what became of it."""
    lines = b"".join(json.dumps([order.kind, order.what]).encode() + b"\n" for order in orders)
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, RuntimeError) as error:
        return [], f"no process could be started for it ({error})"
    with child:
        try:
            output, why = child.communicate(lines, PATIENCE_S)[0], ""
        except subprocess.TimeoutExpired:
            child.kill()
            output = child.communicate()[0]
            why = f"the renderer was not done after {PATIENCE_S:g} s"
        except BaseException:
            child.kill()
            raise
    return list(_answers(output)), why or f"the renderer {of_exit(child.returncode)}"


def _answers(output: bytes) -> Iterator[bytes | ConversionError]:
    """The whole answers in ``output``."""
    at = 0
    while at + _LENGTH_BYTES < len(output):
        end = at + _LENGTH_BYTES + int.from_bytes(output[at : at + _LENGTH_BYTES], "little")
        if end > len(output):
            return
        failed, answer = output[at + _LENGTH_BYTES], output[at + _LENGTH_BYTES + 1 : end]
        yield ConversionError(answer.decode()) if failed == _FAILED else answer
        at = end


# -- in the child


def _serve() -> None:
    # What a renderer prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        kind, what = json.loads(line)
        try:
            answer = bytes([0]) + _make(kind, what)
        except BaseException as error:
            answer = bytes([_FAILED]) + of_error(error).encode()
        answers.write(len(answer).to_bytes(_LENGTH_BYTES, "little") + answer)
        answers.flush()


def _make(kind: str, what: Any) -> bytes:
    import vl_convert

    if kind == PNG:
        return bytes(vl_convert.vegalite_to_png(what, scale=PNG_SCALE))
    if kind == SCRIPT:
        return str(vl_convert.javascript_bundle(what)).encode()
    return str(vl_convert.vegalite_to_svg(what)).encode()


if __name__ == "__main__":
    _serve()
