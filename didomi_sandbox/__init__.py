"""A local Didomi API over real HTTP, for the demo and the tests.

It behaves as the API is documented and as FeathersJS, the framework that the API shows, does; where the documentation
is silent each possible behaviour is a switch. It knows nothing of the connector.

    with serve(generate(seed=1, days=90), Behaviour(page_cap=50)) as sandbox:
        requests.get(f"{sandbox.base_url}/marketplace/integrations", ...)

- `server`: `serve` and `Sandbox`; `run` for the command line.
- `store`: what the API knows. `histories` and `profiles`: realistic contents.
- `behaviour`: the switches.
- `faults`: which request meets a fault; what it then gets is in `kinds`, `connections` and `payloads`.
- `app`: the routes, on `query`, `reading`, `limits`, `sessions`, `answers`, `encoding` and `wire`.
- `recorder`: what was asked. `clock`: the time, which a test can move.
"""

from didomi_sandbox.behaviour import CHOICES, ORDERS, Behaviour
from didomi_sandbox.clock import Clock
from didomi_sandbox.encoding import RawJson
from didomi_sandbox.faults import Fault, Kind
from didomi_sandbox.histories import generate, plain_store
from didomi_sandbox.kinds import KINDS
from didomi_sandbox.payloads import PAYLOADS
from didomi_sandbox.recorder import Request
from didomi_sandbox.server import Sandbox, run, serve
from didomi_sandbox.store import Store

__all__ = [
    "CHOICES",
    "KINDS",
    "ORDERS",
    "PAYLOADS",
    "Behaviour",
    "Clock",
    "Fault",
    "Kind",
    "RawJson",
    "Request",
    "Sandbox",
    "Store",
    "generate",
    "plain_store",
    "run",
    "serve",
]
