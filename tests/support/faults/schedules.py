"""Schedules of what happens at the source and of runs, and an oracle that knows the truth.

A `Schedule` is plain data, so that one that was found to fail can be written down as it was printed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any, Protocol

from didomi_sandbox import Behaviour, Fault, Sandbox, Store
from didomi_sandbox.store import ORGANIZATION
from didomi_source.api.client import DidomiClient
from didomi_source.reading.plan import Request
from didomi_source.settings import Settings
from support.faults.lab import KEY, NO_LIMIT, SECRET, Lab
from support.ledger import Ledger
from support.warehouse import EXPORT, utc

Row = dict[str, Any]

LOOKBACK = timedelta(days=2)
STEP = timedelta(hours=6)  # between two logs
SETTLED = ("completed", "failed")
# Each meets one request; the client tries some of them again, and ends the read on others.
FAULTS = (
    "reset", "short_body", "gateway_502", "truncated_json", "html", "empty", "null", "bare_array", "data_null",
    "data_missing", "empty_page", "total_low", "total_high", "total_zero", "total_missing", "skip_wrong",
    "skip_ignored", "page_repeated", "refusal_401", "refusal_403", "refusal_404",
)  # fmt: skip
MOVES = (
    "new", "new_same_time", "new_first", "burst", "burst", "late", "late", "ancient", "pending", "pending", "settle",
    "settle", "reopen", "change", "quiet_change", "touch", "purge_oldest", "purge_newest", "purge", "return", "odd",
)  # fmt: skip


@dataclass(frozen=True)
class Move:
    """Something that happens at the source; within a run, before its list request `at`."""

    what: str
    pick: int = 0
    at: int = 0


@dataclass(frozen=True)
class Run:
    """A run of the connector, with what happens while it reads."""

    full: bool = False
    moves: tuple[Move, ...] = ()
    faults: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Switch:
    """The server behaves differently from now on."""

    sort: str = "honoured"
    order: str = "inserted"
    ties: str = "stable"
    envelope: str = "full"
    timestamps: str = "present"
    page_cap: int = 100

    def behaviour(self, seed: int, on_request: Callable[[Store, int], None]) -> Behaviour:
        return Behaviour(**self.__dict__, seed=seed, on_request=on_request, rate_limit=NO_LIMIT)


@dataclass(frozen=True)
class Schedule:
    """How a list begins, and what happens to it."""

    length: int = 20
    page_size: int = 7
    at_first: Switch = Switch()
    steps: tuple[Move | Run | Switch, ...] = ()


class Target(Protocol):
    """Where a run loads."""

    def load(self, sandbox: Sandbox, *, full: bool, **settings: Any) -> Row:
        """Run once; returns the row of `export_syncs`."""

    def logs(self) -> list[Row]:
        """The rows of `export_logs`."""

    def states(self, log_id: str) -> list[tuple[int, Any, Any, Any]]:
        """Sequence, status, users and result of each observed state of a log, in order."""


class InMemory(Target):
    """The real client over HTTP and the real sync, into a ledger: a tenth of the cost of a pipeline."""

    def __init__(self) -> None:
        self.ledger, self._runs = Ledger(), 0

    def load(self, sandbox: Sandbox, *, full: bool, **settings: Any) -> Row:
        self._runs += 1
        where = {"organization_id": sandbox.organization_id, "base_url": sandbox.base_url}
        chosen = Settings(api_key=KEY, api_secret=SECRET, retry_seconds=5.0, answer_seconds=2.0, **where, **settings)
        client = DidomiClient(chosen)
        try:
            return self.ledger.sync(client, chosen, Request(f"run-{self._runs}", full=full), EXPORT)
        finally:
            client.close()

    def logs(self) -> list[Row]:
        return list(self.ledger.logs.values())

    def states(self, log_id: str) -> list[tuple[int, Any, Any, Any]]:
        return self.ledger.states(log_id)


class InDuckdb(Target):
    """The whole job without the models, into a DuckDB file."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def load(self, sandbox: Sandbox, *, full: bool, **settings: Any) -> Row:
        summary = self._lab.run(sandbox, full=full, **settings)
        assert self._lab.doubled() == 0
        return self._lab.syncs(summary.run_id)[EXPORT]

    def logs(self) -> list[Row]:
        return self._lab.rows("export_logs")

    def states(self, log_id: str) -> list[tuple[int, Any, Any, Any]]:
        query = "select sequence, status, users, result from export_log_history where log_id = ? order by sequence"
        return self._lab.sql(query, log_id)


# -- the truth -----------------------------------------------------------------------------------


@dataclass
class Watch:
    """What was true while a run was at work."""

    through: set[str]  # there all the time
    absent: set[str]  # gone all the time
    records: dict[str, list[Row]]  # every state of each log
    before: dict[str, Row]  # the table as it was


@dataclass
class Truth:
    """The source as it is, and all it ever was."""

    store: Store
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc).replace(microsecond=0) - 400 * STEP)
    alive: dict[str, Row] = field(default_factory=dict)
    gone: dict[str, Row] = field(default_factory=dict)
    timeline: dict[str, list[Row]] = field(default_factory=dict)
    watch: Watch | None = None
    count: int = 0
    odd: int = 0

    def begin(self, before: dict[str, Row]) -> None:
        self.watch = Watch(set(self.alive), set(self.gone), {i: [log] for i, log in self.alive.items()}, before)

    def move(self, move: Move) -> None:
        """Let something happen; what has nothing to happen to does not."""
        chance = Random(move.pick)
        what = move.what
        logs = sorted(self.alive)
        is_open = [i for i in logs if self.alive[i]["status"] not in SETTLED]
        done = [i for i in logs if i not in is_open]
        users = {"users": chance.randrange(1_000_000)}
        if what in ("new", "new_same_time", "new_first", "late", "ancient", "pending"):
            self._add(what, chance)
        elif what == "burst":
            for _ in range(chance.randint(6, 24)):
                self._add("new", chance)
        elif what == "settle" and is_open:
            ends = [{"status": "completed", "metrics": users}, {"status": "failed", "result": f"No {move.pick}"}]
            self._update(chance.choice(is_open), **chance.choice(ends))
        elif what == "reopen" and done:
            self._update(chance.choice(done), status="pending")
        elif what == "change" and logs:
            self._update(chance.choice(logs), metrics=users)
        elif what == "quiet_change" and logs:
            log = self.alive[chance.choice(logs)]
            self._update(log["id"], metrics=users, updated_at=log["updated_at"])
        elif what == "touch" and logs:
            self._update(chance.choice(logs))
        elif what == "purge" and logs:
            self._purge([chance.choice(logs)])
        elif what in ("purge_oldest", "purge_newest") and logs:
            in_order = sorted(logs, key=lambda i: (self.alive[i]["created_at"], i), reverse=what == "purge_newest")
            self._purge(in_order[: chance.randint(1, 3)])
        elif what == "return" and self.gone:
            self._return(chance.choice(sorted(self.gone)))
        elif what == "odd":
            self.odd += 1
            self.store.add_logs([{"id": None, "export_id": EXPORT, "organization_id": "acme", "n": move.pick}])

    def _add(self, what: str, chance: Random) -> None:
        newest = max((utc(log["created_at"]) for log in self.alive.values()), default=self.now)
        self.now += STEP if what in ("new", "new_first", "pending") else timedelta(0)
        created = {
            "new_same_time": newest,
            "late": newest - chance.random() * LOOKBACK * 0.9,
            "ancient": newest - timedelta(days=30),
        }.get(what, self.now)
        self.count += 1
        text = created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        log = {
            "id": f"{chance.randrange(1000):03d}-{self.count}",
            "export_id": EXPORT,
            "organization_id": ORGANIZATION,
            "status": "pending" if what == "pending" else "completed",
            "config": {"frequency": "1 day"},
            "metrics": {} if what == "pending" else {"users": self.count},
            "result": None,
            "created_at": text,
            "updated_at": text,
        }
        self.store.add_logs([log], at=0 if what == "new_first" else None)
        self.alive[log["id"]] = log
        self._note(log)

    def _update(self, log_id: str, **changes: Any) -> None:
        self.store.update(log_id, changes)
        self.alive[log_id] = self.store.log(log_id)
        self._note(self.alive[log_id])

    def _purge(self, log_ids: list[str]) -> None:
        self.store.purge(log_ids)
        for log_id in log_ids:
            self.gone[log_id] = self.alive.pop(log_id)
            if self.watch:
                self.watch.through.discard(log_id)

    def _return(self, log_id: str) -> None:
        log = self.gone.pop(log_id)
        self.store.add_logs([log])
        self.alive[log_id] = log
        if self.watch:
            self.watch.absent.discard(log_id)
            self.watch.records.setdefault(log_id, []).append(log)

    def _note(self, log: Row) -> None:
        self.timeline.setdefault(log["id"], []).append(log)
        if self.watch:
            self.watch.records.setdefault(log["id"], []).append(log)


# -- the oracle ----------------------------------------------------------------------------------


class World:
    """Plays a schedule, and notes what is wrong after each run.

    Args:
        schedule: What happens.
        sandbox: Serves it.
        target: What the runs load into.
    """

    def __init__(self, schedule: Schedule, sandbox: Sandbox, target: Target) -> None:
        self.schedule, self.sandbox, self.target = schedule, sandbox, target
        self.truth = Truth(Store())
        self.truth.store.add_export(id=EXPORT, name=EXPORT)
        sandbox.store = self.truth.store
        for number in range(schedule.length):
            self.truth.move(Move("pending" if number == schedule.length - 1 else "new", number))
        self.switch = schedule.at_first
        self.runs = 0
        self.complete_newest: datetime | None = None
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.wrong: list[str] = []

    def play(self) -> World:
        """Play it to the end, which is an ordinary run and a whole one without any trouble."""
        for step in (*self.schedule.steps, Run(), Run(full=True)):
            if isinstance(step, Run):
                self._run(step)
            elif isinstance(step, Switch):
                self.switch = step
            else:
                self.truth.move(step)
            if self.findings:
                break
        return self

    @property
    def findings(self) -> list[str]:
        return self.lost + self.doubled + self.wrong

    def _run(self, run: Run) -> None:
        self.runs += 1

        def on_request(_store: Store, number: int) -> None:
            for move in run.moves:
                if move.at == number:
                    self.truth.move(move)

        sandbox = self.sandbox
        sandbox.behaviour = self.switch.behaviour(self.runs, on_request)
        sandbox.faults = [Fault(kind, nth=number) for kind, number in run.faults]
        sandbox.reset()
        before = self._table()
        self.truth.begin(before)
        settings = {"page_size": self.schedule.page_size, "lookback_days": LOOKBACK.days}
        sync = self.target.load(sandbox, full=run.full, full_read_every_days=36_500, **settings)
        watch, self.truth.watch = self.truth.watch, None
        assert watch is not None
        self._check(run, sync, watch, self._table())

    def _table(self) -> dict[str, Row]:
        rows = self.target.logs()
        found = {row["id"]: row for row in rows}
        if len(found) < len(rows):
            self.doubled.append(f"run {self.runs}: {len(rows) - len(found)} rows stand beside another of their id")
        return found

    def _check(self, run: Run, sync: Row, watch: Watch, table: dict[str, Row]) -> None:
        say = f"run {self.runs} ({sync['mode']}: {sync['mode_reason']})"
        self.lost += [f"{say}: {log_id} is no longer in the table" for log_id in watch.before.keys() - table.keys()]
        struck = any(request.fault for request in self.sandbox.requests)
        is_all_odd = self.truth.odd > 0 and not watch.through  # said to be of another form than the documented
        if not sync["is_complete"] and not ((struck or is_all_odd) and sync["error"]):
            self.wrong.append(f"{say}: failed without a fault: {sync['error']}")
        for log_id, row in table.items():
            self._check_row(f"{say}: {log_id}", row, watch)
        if sync["is_complete"]:
            for log_id in sorted(watch.through):
                if sync["mode"] == "full" or self._is_promised(log_id, watch):
                    self._check_fresh(f"{say}: {log_id}", table.get(log_id), watch.before.get(log_id), watch, log_id)
            times = [utc(self.truth.timeline[i][0]["created_at"]) for i in table]
            self.complete_newest = max(times, default=None)
        for log_id, row in table.items():
            self._check_missing(f"{say}: {log_id}", log_id, row, watch, sync)

    def _is_promised(self, log_id: str, watch: Watch) -> bool:
        """Whether an incremental read has to bring a log up to date: it was open, or is within the lookback."""
        row = watch.before.get(log_id)
        if row is not None and row.get("missing_at_source_since") is None and row.get("status") not in SETTLED:
            return True
        created_at = utc(self.truth.timeline[log_id][0]["created_at"])
        return self.complete_newest is not None and created_at >= self.complete_newest - LOOKBACK

    def _check_row(self, say: str, row: Row, watch: Watch) -> None:
        log_id, before = row["id"], watch.before.get(row["id"])
        known = [*watch.records.get(log_id, []), *([before["raw_log"]] if before else [])]
        if not any(_same(row["raw_log"], log) for log in known):
            self.wrong.append(f"{say} is in a state that it did not have: {row['raw_log']}")
        if before and before.get("status") in SETTLED and row.get("status") not in SETTLED:
            self.wrong.append(f"{say} went back from {before['status']} to {row.get('status')}")
        states = self.target.states(log_id)
        if [number for number, *_ in states] != list(range(1, len(states) + 1)):
            self.wrong.append(f"{say} has a history that is not numbered: {states}")
        true = [(log["status"], log["metrics"].get("users"), log["result"]) for log in self.truth.timeline[log_id]]
        seen = [tuple(state) for _, *state in states]
        if not _is_within(seen, true):
            self.wrong.append(f"{say} has a history out of order: {seen} of {true}")
        if (row.get("status"), row.get("metrics__users"), row.get("result")) not in seen:
            self.wrong.append(f"{say} is in a state that its history does not have")

    def _check_fresh(self, say: str, row: Row | None, before: Row | None, watch: Watch, log_id: str) -> None:
        records = watch.records[log_id]
        if row is None:
            self.lost.append(f"{say} was there all the time, and is not in the table")
        elif not any(_same(row["raw_log"], log) for log in records):
            was_settled = before is not None and before.get("status") in SETTLED
            if not (was_settled and any(log["status"] not in SETTLED for log in records)):
                self.wrong.append(f"{say} is stale: {row['raw_log']}, not {records}")

    def _check_missing(self, say: str, log_id: str, row: Row, watch: Watch, sync: Row) -> None:
        since, before = row.get("missing_at_source_since"), watch.before.get(log_id, {}).get("missing_at_source_since")
        is_whole = sync["is_complete"] and sync["mode"] == "full"
        if log_id in watch.through and since is not None and (is_whole or before is None):
            self.wrong.append(f"{say} is there, and called missing")
        if log_id in watch.absent and since != (before or (sync["started_at"] if is_whole else None)):
            self.wrong.append(f"{say} is missing since {since}, not {before or sync['started_at']}")
        if not is_whole and before is None and since is not None:
            self.wrong.append(f"{say} was called missing by a read that cannot know")


def _same(row: Row, log: Row) -> bool:
    """Whether they are the same but for times that the server may hide."""
    return _bare(row) == _bare(log)


def _bare(log: Row) -> Row:
    return {name: value for name, value in log.items() if name not in ("created_at", "updated_at")}


def _is_within(seen: list[Any], true: list[Any]) -> bool:
    """Whether all that was seen happened, in this order."""
    events = iter(true)
    return all(any(state == event for event in events) for state in seen)
