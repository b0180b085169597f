"""Commands that need no account: the demo, and the local API behind it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import CODES, app, end, text
from .options import Days, Seed, Verbose, set_up_log
from .show import print_summary
from .steps import Steps
from .streams import results

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox


@app.command(epilog=text("Examples:\n  didomi demo\n  didomi demo --folder /tmp/try --seed 3 --days 400", CODES))
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put the demo.", metavar="FOLDER")] = Path(
        "didomi-demo"
    ),
    seed: Seed = 7,
    days: Days = 200,
    verbose: Verbose = 0,
) -> None:
    """Run the whole job against a local, made-up Didomi API.

    Needs no account and no network.
    """
    set_up_log(verbose)
    from . import console
    from .demo import next_steps, run_demo

    with Steps() as steps:
        summary, rates, volumes = run_demo(folder, steps.report, seed=seed, days=days)
    with results():
        print_summary(summary)
        if summary.exit_code == 0:
            console.print_demo(rates, volumes, next_steps(folder))
    end(summary.failures, summary.exit_code)


_SANDBOX_EXAMPLES = """
Examples:
  didomi sandbox
  didomi sandbox --port 0 --exports 20 --set page_cap=50 --set sort=ignored
  didomi sandbox --fault gateway_502:every=7
"""


@app.command(epilog=text(_SANDBOX_EXAMPLES, CODES))
def sandbox(
    port: Annotated[
        int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.", metavar="NUMBER", min=0, max=65535)
    ] = 8765,
    seed: Seed = 7,
    days: Days = 200,
    exports: Annotated[int, typer.Option("--exports", help="How many exports.", min=1, max=100, metavar="NUMBER")] = 5,
    switch: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A switch of its behaviour, e.g. page_cap=50 or sort=ignored.", metavar="NAME=VALUE"
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="A fault, e.g. gateway_502:every=7 or hang:nth=2.", metavar="KIND[:RULE]"),
    ] = None,
    verbose: Verbose = 0,
) -> None:
    """Serve that local API, for trying things out.

    Prints the variables that point `didomi` at it, and serves until it is ended.
    """
    set_up_log(verbose)
    from .demo import access_to
    from .sandbox import serve_sandbox

    def on_ready(api: Sandbox) -> None:
        for name, value in access_to(api).items():
            print(f"export {name}={value}", flush=True)
        print("Serving until Ctrl-C; run those lines in another terminal.", file=sys.stderr)

    serve_sandbox(on_ready, port=port, seed=seed, days=days, exports=exports, switches=switch or [], faults=fault or [])
