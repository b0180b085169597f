"""Whatever the API makes of what its documentation leaves open, the tables equal what it holds."""

from __future__ import annotations

from itertools import product

import pytest

from didomi_sandbox import Behaviour, Sandbox, Store, plain_store
from support.thorough import all_but
from support.warehouse import EXPORT, Row, Start, Warehouse, utc

PENDING = "log-pending"


def store_with_pending(count: int = 129) -> Store:
    """An export of completed logs, every tenth failed, and one pending."""
    store = plain_store(count)
    for number in range(0, count, 10):
        store.update(
            f"log-{number:06d}", {"status": "failed", "result": f"No access to bucket {number}", "metrics": {}}
        )
    newest = store.logs()[-1]["created_at"]
    store.add_log(EXPORT, id=PENDING, status="pending", created_at=newest)
    return store


def columns_of(log: Row, *, times: bool) -> Row:
    """What `export_logs` should say about a log of this store, worked out on its own."""
    sent = log if times else {k: v for k, v in log.items() if k not in ("created_at", "updated_at")}
    return {
        "id": log["id"],
        "export_id": log["export_id"],
        "organization_id": log["organization_id"],
        "status": log["status"],
        "config__frequency": "1 day",
        "metrics__users": log["metrics"].get("users"),
        "result": log["result"],
        "created_at": utc(log["created_at"]) if times else None,
        "updated_at": utc(log["updated_at"]) if times else None,
        "raw_log": sent,
        "flags": None,
        "missing_at_source_since": None,
    }


def loaded(warehouse: Warehouse) -> dict[str, Row]:
    return {i: {k: v for k, v in row.items() if k != "content_hash"} for i, row in warehouse.logs().items()}


def truth(sandbox: Sandbox, *, times: bool = True) -> dict[str, Row]:
    return {log["id"]: columns_of(log, times=times) for log in sandbox.store.logs()}


def check_three_runs(sandbox: Sandbox, warehouse: Warehouse, *, times: bool = True, **settings: object) -> None:
    """Load, load again, settle the pending log, load a third time; compare whole tables each time."""
    count = len(sandbox.store.logs())
    exports = {log["export_id"] for log in sandbox.store.logs()}
    written = warehouse.load(sandbox, **settings)
    assert written == {
        "exports": len(exports),
        "export_logs": count,
        "export_log_history": count,
        "export_syncs": len(exports),
    }
    assert loaded(warehouse) == truth(sandbox, times=times)
    assert [(s["is_complete"], s["error"]) for s in warehouse.syncs()] == [(True, None)] * len(exports)

    assert warehouse.load(sandbox, **settings) == {"export_syncs": len(exports)}
    assert loaded(warehouse) == truth(sandbox, times=times)

    sandbox.store.settle(PENDING, users=17)
    assert warehouse.load(sandbox, **settings) == {
        "export_logs": 1,
        "export_log_history": 1,
        "export_syncs": len(exports),
    }
    assert loaded(warehouse) == truth(sandbox, times=times)
    assert warehouse.history(PENDING) == [(1, "pending"), (2, "completed")]
    assert warehouse.sql("select count(*) from export_log_history") == [(count + 1,)]


@pytest.mark.parametrize(
    ("sort", "envelope", "timestamps"),
    product(
        ("honoured", "ignored", "rejected"),
        ("full", "data_alone", "data_alone_unpaged"),
        ("present", "absent"),
    ),
)
def test_every_mode_loads_what_the_server_holds(
    sandbox: Start, warehouse: Warehouse, sort: str, envelope: str, timestamps: str
) -> None:
    """Sorting, envelope and timestamps change the number of requests, never the rows."""
    behaviour = Behaviour(sort=sort, envelope=envelope, timestamps=timestamps, page_cap=50, rate_limit=(10_000, 1))
    server = sandbox(store_with_pending(), behaviour)
    check_three_runs(server, warehouse, times=timestamps == "present")


@pytest.mark.parametrize("sort", ["unprocessable", "crashes"])
def test_a_sort_that_the_server_only_finds_out_about_costs_nothing(
    sandbox: Start, warehouse: Warehouse, sort: str
) -> None:
    """A server that answers 422 or 500 to `$sort` is read without it."""
    server = sandbox(store_with_pending(), Behaviour(sort=sort, page_cap=50, rate_limit=(10_000, 1)))
    check_three_runs(server, warehouse, retry_seconds=0.5)
    assert {sync["sort"] for sync in warehouse.syncs()} == {"rejected"}


@pytest.mark.parametrize("cap", [7, 50, 100])
@pytest.mark.parametrize("echoed", ["capped", "asked"])
def test_capped_pages_lose_nothing(sandbox: Start, warehouse: Warehouse, cap: int, echoed: str) -> None:
    """A server that sends fewer logs than asked for is read to the end, whichever limit it echoes."""
    server = sandbox(store_with_pending(), Behaviour(page_cap=cap, echoed_limit=echoed, rate_limit=(10_000, 1)))
    check_three_runs(server, warehouse)


def test_a_token_of_one_second_is_renewed(sandbox: Start, warehouse: Warehouse) -> None:
    """Tokens that expire while an export is read are renewed without losing a page."""
    behaviour = Behaviour(token_life=1, page_cap=20, latency=0.2, sort="ignored", rate_limit=(10_000, 1))
    server = sandbox(store_with_pending(80), behaviour)
    check_three_runs(server, warehouse)
    logins = [r for r in server.requests if r.path.endswith("/sessions")]
    assert len(logins) > 5
    assert {r.status for r in server.requests} <= {200, 201, 401}


@pytest.mark.parametrize("window", all_but("sliding", ["sliding", "fixed"]))
def test_the_rate_limit_is_kept(sandbox: Start, warehouse: Warehouse, window: str) -> None:
    """At 20 requests per 2 seconds none is refused, though each run is new to what the one before has used up."""
    behaviour = Behaviour(rate_limit=(20, 2), rate_window=window, page_cap=7, sort="ignored")
    server = sandbox(store_with_pending(70), behaviour)
    check_three_runs(server, warehouse)
    assert len(server.requests) > 60
    assert [r for r in server.requests if r.status == 429] == []


def three_exports() -> Store:
    store = store_with_pending(20)
    for name in ("export-2", "export-3"):
        store.add_export(id=name, name=name)
        for number in range(5):
            at = f"2026-01-0{number + 1}T00:00:00.000Z"
            store.add_log(name, id=f"{name}-log-{number}", users=number, created_at=at)
    return store


@pytest.mark.parametrize(
    ("behaviour", "export_ids"),
    [
        (Behaviour(rate_limit=None), None),
        (Behaviour(rate_limit=(10_000, 1)), ["export-1", "export-2", "export-3"]),
        (Behaviour(rate_limit=(10_000, 1), integrations="forbidden"), ["export-1", "export-2", "export-3"]),
        (Behaviour(rate_limit=(10_000, 1), integrations="missing"), ["export-1", "export-2", "export-3"]),
    ],
)
def test_exports_are_discovered_or_named(
    sandbox: Start, warehouse: Warehouse, behaviour: Behaviour, export_ids: list[str] | None
) -> None:
    """The logs are the same whether the exports are discovered or named, even where they cannot be listed."""
    check_three_runs(sandbox(three_exports(), behaviour), warehouse, export_ids=export_ids)


def test_a_named_export_alone_is_read(sandbox: Start, warehouse: Warehouse) -> None:
    """Of several exports only those that are named are loaded."""
    server = sandbox(three_exports())
    warehouse.load(server, export_ids=["export-2"])
    assert {row["export_id"] for row in warehouse.rows("export_logs")} == {"export-2"}
    assert [row["id"] for row in warehouse.rows("exports")] == ["export-2"]


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (Behaviour(rate_limit=(10_000, 1), forbidden_exports=frozenset({"export-2"})), "403"),
        (Behaviour(rate_limit=(10_000, 1), missing_exports=frozenset({"export-2"})), "404"),
    ],
)
def test_a_refused_export_costs_the_others_nothing(
    sandbox: Start, warehouse: Warehouse, behaviour: Behaviour, said: str
) -> None:
    """Of three exports one is refused: the others load, and the one's row says what to do."""
    server = sandbox(three_exports(), behaviour)
    warehouse.load(server)
    kept = {i: row for i, row in truth(server).items() if row["export_id"] != "export-2"}
    assert loaded(warehouse) == kept
    assert {s["export_id"]: s["is_complete"] for s in warehouse.syncs()} == {
        "export-1": True,
        "export-2": False,
        "export-3": True,
    }
    error = warehouse.sync("export-2")["error"]
    assert said in error
    assert "export-2" in error
    assert warehouse.load(server) == {"export_syncs": 3}
