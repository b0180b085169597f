"""`didomi sandbox`: a local Didomi API as a server."""

from __future__ import annotations

import shlex
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from didomi_source.errors import ConfigurationError

from .app import CODES, app, text
from .demo import access_to, access_to_bucket, sandbox_module, write_bucket
from .options import Days, Seed, Verbose, set_up_log


@app.command(epilog=text("Examples:\n  didomi sandbox\n  didomi sandbox --port 0 --exports 20", CODES))
def sandbox(
    port: Annotated[
        int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.", metavar="NUMBER", min=0, max=65535)
    ] = 8765,
    seed: Seed = 7,
    days: Days = 200,
    exports: Annotated[int, typer.Option("--exports", help="How many exports.", min=1, max=100, metavar="NUMBER")] = 3,
    deliveries: Annotated[
        Path | None,
        typer.Option("--deliveries", help="Write the delivered files of the last 7 days there.", metavar="FOLDER"),
    ] = None,
    verbose: Verbose = 0,
) -> None:
    """Serve a local Didomi API with made-up exports.

    Prints the variables that point `didomi` at it, and serves until it is ended.
    """
    set_up_log(verbose)
    module = sandbox_module()
    store = module.generate(seed=seed, days=days, exports=exports)
    if deliveries is not None:
        write_bucket(store, deliveries, "--deliveries")
    try:
        with module.serve(store, port=port) as api:
            variables = access_to(api) | (access_to_bucket(deliveries.absolute()) if deliveries else {})
            for name, value in variables.items():
                print(f"export {name}={shlex.quote(value)}", flush=True)
            print("Serving until Ctrl-C; run those lines in another terminal.", file=sys.stderr)
            threading.Event().wait()
    except OSError as error:
        reason = error.strerror or error
        msg = f"cannot listen on port {port} ({reason}): choose another with --port, or 0 for any"
        raise ConfigurationError(msg) from None
