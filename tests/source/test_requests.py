"""How few requests a day takes."""

from __future__ import annotations

from datetime import datetime, timezone

from didomi_sandbox import Behaviour, Store, plain_store
from support.warehouse import Start, Warehouse

EXPORTS = [f"export-{number}" for number in range(1, 21)]
# As an export of a log an hour with pages of 99 and two days of lookback, on a smaller scale.
SETTINGS = {"page_size": 20, "lookback_days": 0.5}


def store_of_twenty(logs: int) -> Store:
    """Twenty exports, each with a log an hour up to now."""
    store = Store()
    for name in EXPORTS:
        store.add_export(id=name, name=name)
        one = plain_store(logs, step=3600.0, until=datetime.now(timezone.utc).timestamp(), export_id=name)
        store.add_logs({**log, "id": f"{name}-{log['id']}"} for log in one.logs())
    return store


def test_a_day_of_twenty_exports_takes_forty_list_requests(sandbox: Start, warehouse: Warehouse) -> None:
    """One login, the list of exports, and two requests for each export that has one new log."""
    server = sandbox(store_of_twenty(60), Behaviour(rate_limit=(10_000, 1)))
    warehouse.load(server, **SETTINGS)
    for name in EXPORTS:
        server.store.add_log(name, id=f"{name}-new")
    server.reset()
    assert warehouse.load(server, **SETTINGS) == {"export_logs": 20, "export_log_history": 20, "export_syncs": 20}
    assert {name: server.list_requests[name] for name in EXPORTS} == dict.fromkeys(EXPORTS, 2)
    paths = [request.path.rsplit("/", 1)[-1] for request in server.requests]
    assert {name: paths.count(name) for name in set(paths)} == {"sessions": 1, "integrations": 2, "logs": 40}
