"""A local Didomi API over real HTTP, for the demo and the tests.

It behaves as documented, else as FeathersJS, the framework that the API shows; where the documentation is silent each
possible behaviour is a switch. It does not depend on the connector.

    with serve(generate(seed=1, days=90), Behaviour(page_cap=50)) as sandbox:
        requests.get(f"{sandbox.base_url}/marketplace/integrations", ...)

- `server`: `serve`. `sandbox`: the state of what is served.
- `store`: the contents. `histories` and `profiles`: realistic contents. `deliveries`: the files that they claim.
- `behaviour`: the switches.
- `faults`: which request meets a fault. `kinds`, `connections` and `payloads`: what it then gets.
- `app`: the routes, on `query`, `reading`, `limits`, `sessions`, `answers`, `encoding` and `wire`.
- `recorder`: a request. `clock`: the time, which a test can move.
"""

from .behaviour import ORDERS, Behaviour
from .clock import Clock
from .deliveries import write_deliveries
from .encoding import RawJson
from .faults import Fault, Kind
from .histories import generate, plain_store
from .kinds import KINDS
from .payloads import PAYLOADS
from .recorder import Request
from .sandbox import Sandbox
from .server import serve
from .store import Store

__all__ = [
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
    "serve",
    "write_deliveries",
]
