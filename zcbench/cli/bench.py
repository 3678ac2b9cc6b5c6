"""``zcbench bench``: the engine against its peers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zcbench.exit_codes import ExitCode

if TYPE_CHECKING:
    from zcbench.bench.rounds import Rounds

_SIZES, _HOLD, _THREADS = "3840,16KiB,64KiB,256KiB,1MiB", "0,1,100", "1,4"
ROUNDS = 5  # the fewest that give an interval (zcbench.bench.ratios)


@click.command("bench")
@click.option("--quick", is_flag=True, help="3,840 B and 64 KiB, nothing held, one thread, 2 short rounds")
@click.option("--peers", metavar="NAME,...", help="only these (default: all; --list names them)")
@click.option("--sizes", metavar="SIZE,...", help=f"of a packet (default: {_SIZES})")
@click.option("--hold", metavar="N,...", help=f"packets the application holds (default: {_HOLD})")
@click.option("--threads", metavar="N,...", help=f"of the application (default: {_THREADS})")
@click.option("--rounds", type=int, help=f"of all peers in turn (default: {ROUNDS})")
@click.option("--seed", type=int, default=1, show_default=True, help="of the order in each round")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="a new directory for bench.md, bench.json and the figure")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["md", "json"]), default="md", show_default=True,
              help="what is printed without --out")  # fmt: skip
@click.option("--list", "listing", is_flag=True, help="list the peers, and leave")
@click.option("--json", "as_json", is_flag=True, help="the same as --format json")
def command(
    quick: bool,
    peers: str | None,
    sizes: str | None,
    hold: str | None,
    threads: str | None,
    rounds: int | None,
    seed: int,
    out: Path | None,
    form: str,
    listing: bool,
    as_json: bool,
) -> None:
    """Measure zcbench and the usual ways of getting packets into Python, at the same work, side by side.

    All peers in every round, in a shuffled order, each measurement in a process of its own. A peer that is
    not installed is listed as such: pip install 'zcbench[bench]'. Ends with 1 if a peer failed.
    """
    from zcbench.bench.peers import BenchError
    from zcbench.bench.plan import make_plan
    from zcbench.bench.rounds import Rounds

    form = "json" if as_json else form
    if listing:
        _list(peers, form == "json")
        return
    plan = make_plan(
        peers=peers,
        sizes=sizes or ("3840,64KiB" if quick else _SIZES),
        hold=hold or ("0" if quick else _HOLD),
        threads=threads or ("1" if quick else _THREADS),
        rounds=(2 if quick else ROUNDS) if rounds is None else rounds,
        seed=seed,
        seconds=0.05 if quick else 0.2,
        counting="once" if quick else "always",
    )
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BenchError(f"--out {out}: exists and is not an empty directory; name another")
    work = Rounds(plan, lambda text: print(f"zcbench: {text}", file=sys.stderr, flush=True))
    code = _measure(work)
    _show(work, out, form)
    sys.exit(code)


def _list(peers: str | None, as_json: bool) -> None:
    from zcbench.bench.peers import find_peers
    from zcbench.cli.table import Column, show_list

    show_list(
        (Column("name", "Name"), Column("title", "What it is"), Column("missing", "Not here")),
        [{"name": peer.name, "title": peer.title, "missing": peer.missing()} for peer in find_peers(peers)],
        as_json,
    )


def _measure(work: Rounds) -> ExitCode:
    """All rounds, or those before a Ctrl-C, which is raised if there are none."""
    code = ExitCode.PASS
    try:
        work.run()
    except KeyboardInterrupt:
        if not work.results.rounds:
            raise
        print("zcbench: interrupted; these are the rounds that were finished", file=sys.stderr)
        code = ExitCode.INTERRUPTED
    if not code and any(cell.failed for cell in work.results.cells):
        code = ExitCode.FAIL
    return code


def _show(work: Rounds, out: Path | None, form: str) -> None:
    from zcbench.files import write_whole
    from zcbench.record.schema import FIGURES_FOLDER
    from zcbench.render.bench import figure, render, to_json
    from zcbench.render.writing import write_figures
    from zcbench.soak.environment import environment

    results, machine = work.results, environment()
    if out is None:
        click.echo(render(results, machine) if form == "md" else to_json(results, machine), nl=False)
        return
    out.mkdir(parents=True)
    shown, _ = write_figures([figure(results)], out)
    files = {
        out / "bench.md": render(results, machine, shown),
        out / "bench.json": to_json(results, machine),
    }
    for path, text in files.items():
        write_whole(path, text.encode())
    for path in (*files, *(out / FIGURES_FOLDER / f"{name}.svg" for name in shown)):
        click.echo(str(path))
