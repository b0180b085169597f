"""A local Didomi API over real HTTP, for the demo and the tests.

It behaves as the API is documented and as FeathersJS, the framework that the API shows, does; where the documentation
is silent each possible behaviour is a switch. It knows nothing of the connector.

    with serve(generate(seed=1, days=90), Behaviour(page_cap=50)) as sandbox:
        requests.get(f"{sandbox.base_url}/marketplace/integrations", ...)

- `server`: `serve`, and `run` for the command line. `sandbox`: the state of what is served.
- `store`: what the API knows. `histories` and `profiles`: realistic contents.
- `behaviour`: the switches.
- `faults`: which request meets a fault; what it then gets is in `kinds`, `connections` and `payloads`.
- `app`: the routes, on `query`, `reading`, `limits`, `sessions`, `answers`, `encoding` and `wire`.
- `recorder`: what was asked. `clock`: the time, which a test can move.
"""

from .behaviour import CHOICES, ORDERS, Behaviour
from .clock import Clock
from .encoding import RawJson
from .faults import Fault, Kind
from .histories import generate, plain_store
from .kinds import KINDS
from .payloads import PAYLOADS
from .recorder import Request
from .sandbox import Sandbox
from .server import run, serve
from .store import Store

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
