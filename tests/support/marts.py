"""Made-up marts in a DuckDB file, with the columns and types that the models promise."""

from __future__ import annotations

import random
import re
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from didomi_source.health.status import COLUMNS, ExportStatus

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=timezone.utc)
TODAY = NOW.date()
# A letter per day, for `Made.days`.
DAYS = {
    "c": ("completed", {"runs_completed": 1}),
    "r": ("recovered", {"runs_completed": 1, "runs_failed": 1}),
    "f": ("failed", {"runs_failed": 1}),
    "p": ("pending", {"runs_pending": 1}),
    "u": ("unknown", {"runs_unknown": 1}),
    "m": ("missed", {"runs_missed": 1}),
    ".": ("no_run", {}),
}
WRONG = {"unreadable", "corrupt", "missing", "no_success", "short", "more"}
COUNTS = ("runs_completed", "runs_failed", "runs_pending", "runs_unknown", "runs_missed")
Row = dict[str, Any]


def ago(**distance: float) -> datetime:
    """A time before now."""
    return NOW - timedelta(**distance)


def export(export_id: str = "e1", **fields: Any) -> ExportStatus:
    """A healthy daily export, but for the fields given."""
    return ExportStatus(**{**_healthy(export_id), **fields})


def columns_of(row: ExportStatus) -> Row:
    """The row of the mart."""
    return {name: getattr(row, name) for name in COLUMNS}


def _healthy(export_id: str) -> Row:
    return {
        "export_id": export_id,
        "organization_id": "acme",
        "name": f"Export {export_id}",
        "frequency": "1 day",
        "interval_seconds": 86_400,
        "interval_months": None,
        "health": "healthy",
        "health_reason": "the last settled run succeeded",
        "current_streak_status": "completed",
        "current_streak": 30,
        "failing_since_at": None,
        "first_run_at": ago(days=190),
        "last_run_at": ago(hours=2),
        "last_run_status": "completed",
        "last_success_at": ago(hours=2),
        "last_success_users": 1000,
        "seconds_since_last_success": 7200,
        "last_error_kind": None,
        "last_error_message": None,
        "oldest_pending_at": None,
        "expected_next_run_at": ago(hours=-22),
        "runs_total": 190,
        "runs_unknown": 0,
        "runs_untimed": 0,
        "runs_overdue": 0,
        "runs_stuck": 0,
        "runs_contradictory": 0,
        "runs_missing_at_source": 0,
        "logs_quarantined": 0,
        "success_rate": 1.0,
        "runs_completed_7d": 7,
        "runs_failed_7d": 0,
        "success_rate_7d": 1.0,
        "runs_completed_28d": 28,
        "runs_failed_28d": 0,
        "success_rate_28d": 1.0,
        "last_synced_at": ago(minutes=30),
        "last_complete_sync_at": ago(minutes=30),
    }


def failing(export_id: str = "e1", streak: int = 5, **fields: Any) -> ExportStatus:
    """An export whose last runs failed, one a day."""
    return export(
        export_id,
        **{
            "health": "failing",
            "health_reason": f"{streak} failed runs in a row (access_denied)",
            "current_streak_status": "failed",
            "current_streak": streak,
            "failing_since_at": ago(days=streak - 1, hours=2),
            "last_run_status": "failed",
            "last_success_at": ago(days=streak, hours=2),
            "seconds_since_last_success": streak * 86_400 + 7200,
            "last_error_kind": "access_denied",
            "last_error_message": "AccessDenied: not authorized to perform s3:PutObject",
            "runs_completed_7d": 7 - streak,
            "runs_failed_7d": streak,
            "success_rate_7d": (7 - streak) / 7,
            "runs_completed_28d": 28 - streak,
            "runs_failed_28d": streak,
            "success_rate_28d": (28 - streak) / 28,
            **fields,
        },
    )


def late(export_id: str = "e1", runs: int = 2, **fields: Any) -> ExportStatus:
    """A daily export that has not run for some days."""
    last = ago(days=runs, hours=8)
    distance = runs * 86_400 + 8 * 3600
    return export(
        export_id,
        **{
            "health": "late",
            "health_reason": f"no run for {distance // 3600} hours, {runs} overdue",
            "runs_overdue": runs,
            "last_run_at": last,
            "last_success_at": last,
            "seconds_since_last_success": distance,
            "expected_next_run_at": last + timedelta(days=1),
            **fields,
        },
    )


def stuck(export_id: str = "e1", **fields: Any) -> ExportStatus:
    """An export with a run that has been pending for two days."""
    return export(
        export_id,
        **{
            "health": "stuck",
            "health_reason": "1 run pending for more than 24 hours",
            "runs_stuck": 1,
            "last_run_status": "pending",
            "oldest_pending_at": ago(days=2),
            **fields,
        },
    )


class Made:
    """A DuckDB file with empty marts, to be filled.

    Args:
        path: Where the file goes.
        schema: The schema of the marts.
    """

    def __init__(self, path: Path, schema: str = "didomi_marts") -> None:
        self.path = path
        self._rows: dict[str, list[Row]] = {}
        self._connection = duckdb.connect(str(path))
        self._connection.execute(f"create schema {schema}; use {schema}")
        for mart, columns in promised_columns().items():
            self._connection.execute(f"create table {mart} ({', '.join(f'{n} {t}' for n, t in columns.items())})")

    def export(self, row: ExportStatus) -> ExportStatus:
        """Add an export; what the page does not read stays empty."""
        self.add("exports", **columns_of(row))
        return row

    def days(self, export_id: str, letters: str, today: date = TODAY, organization_id: str = "acme") -> None:
        """Add a day per letter of `DAYS`, the last of them today."""
        for position, letter in enumerate(letters):
            status, counts = DAYS[letter]
            self.add(
                "daily_export_success",
                export_id=export_id,
                organization_id=organization_id,
                run_date=today - timedelta(days=len(letters) - 1 - position),
                day_status=status,
                is_failing=letter == "f",
                **{count: counts.get(count, 0) for count in COUNTS},
            )

    def deliveries(self, export_id: str, verdicts: str, today: date = TODAY, **fields: Any) -> None:
        """Add a delivery per word, the last of them today; nothing for a dash."""
        words = verdicts.split()
        for position, verdict in enumerate(words):
            day = today - timedelta(days=len(words) - 1 - position)
            is_there = verdict not in {"missing", "not_checked"}
            if verdict != "-":
                self.add(
                    "deliveries",
                    **{
                        "export_id": export_id,
                        "organization_id": "acme",
                        "delivery_date": day,
                        "data_kind": "users",
                        "verdict": verdict,
                        "verdict_reason": f"why {verdict}",
                        "is_wrong": verdict in WRONG,
                        "claimed_records": 1000,
                        "delivered_records": {"as_claimed": 1000, "short": 900}.get(verdict),
                        "file_count": 2 if is_there else None,
                        "file_bytes": 5000 if is_there else None,
                        "is_about_to_expire": False,
                        **fields,
                    },
                )

    def users(self, export_id: str, users: list[int | None], today: date = TODAY, **fields: Any) -> None:
        """Add a delivery per day, the last of them today; the fields hold for each."""
        delivered = [value for value in users if value is not None]
        usual = float(sorted(delivered)[len(delivered) // 2])
        for position, value in enumerate(users):
            self.add(
                "daily_user_volume",
                **{
                    "export_id": export_id,
                    "organization_id": "acme",
                    "run_date": today - timedelta(days=len(users) - 1 - position),
                    "users": value,
                    "expected_users": usual,
                    "weekday_median_users": usual,
                    "users_change_rate": 0.01,
                    "is_anomaly": False,
                    **fields,
                },
            )

    def add(self, mart: str, **fields: Any) -> None:
        """Add a row to a mart."""
        self._rows.setdefault(mart, []).append({k: _zoneless(v) for k, v in fields.items()})

    def finish(self) -> Path:
        """Write the rows, and work out the rolling rates and the organizations' days."""
        for mart, rows in self._rows.items():
            columns = dict.fromkeys(name for row in rows for name in row)
            table = pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows])
            self._connection.register("made", table)
            self._connection.execute(f"insert into didomi__{mart} by name select * from made")
            self._connection.unregister("made")
        self._connection.execute(ROLLING)
        self._connection.execute(ORGANIZATIONS)
        self._connection.close()
        return self.path


@cache
def promised_columns() -> dict[str, dict[str, str]]:
    """Mart → column → DuckDB type, from the models' contracts."""
    found = {}
    for path in sorted((ROOT / "sql/models/marts").glob("didomi__*.yml")):
        for model in yaml.safe_load(path.read_text())["models"]:
            found[model["name"]] = {c["name"]: _duckdb_type(c["data_type"]) for c in model["columns"]}
    return found


def _duckdb_type(data_type: str) -> str:
    found = re.search(r"else '([^']+)'", data_type)
    return (found[1] if found else data_type).replace("string", "varchar")


def _zoneless(value: Any) -> Any:
    return value.astimezone(timezone.utc).replace(tzinfo=None) if isinstance(value, datetime) else value


ROLLING = """
create table rolled as
select * replace (
    runs_completed + runs_failed + runs_pending + runs_unknown as runs_total,
    runs_completed / nullif(runs_completed + runs_failed, 0) as success_rate,
    sum(runs_completed) over week as runs_completed_7d,
    sum(runs_failed) over week as runs_failed_7d,
    sum(runs_completed) over week / nullif(sum(runs_completed + runs_failed) over week, 0) as success_rate_7d,
    sum(runs_completed) over month as runs_completed_28d,
    sum(runs_failed) over month as runs_failed_28d,
    sum(runs_completed) over month / nullif(sum(runs_completed + runs_failed) over month, 0) as success_rate_28d
)
from didomi__daily_export_success
window
    week as (partition by export_id order by run_date rows 6 preceding),
    month as (partition by export_id order by run_date rows 27 preceding);
delete from didomi__daily_export_success;
insert into didomi__daily_export_success by name select * from rolled;
drop table rolled;
"""
ORGANIZATIONS = """
insert into didomi__organization_daily by name
select
    days.organization_id, days.run_date, count(*) as exports_total, count(*) filter (is_failing) as exports_failing,
    sum(runs_missed) as runs_missed, sum(users) as users_delivered,
    sum(runs_completed_7d) as runs_completed_7d, sum(runs_failed_7d) as runs_failed_7d,
    sum(runs_completed_28d) as runs_completed_28d, sum(runs_failed_28d) as runs_failed_28d
from didomi__daily_export_success as days
left join didomi__daily_user_volume as volumes using (export_id, run_date)
group by 1, 2;
"""


def many(path: Path, exports: int, days: int = 200) -> Path:
    """Marts of many exports, each with its own history: most are well, some fail, are late or are stuck."""
    made, chance = Made(path), random.Random(exports)
    for number in range(exports):
        export_id = f"export-{number:04}"
        name = f"{chance.choice(['Consents', 'Preferences', 'Proofs'])} – brand {number}, {chance.choice(['web', 'app', 'tv'])}"
        letters = "".join(chance.choices("crfpum", [93, 2, 2, 0, 1, 2], k=days - 1))
        users = [None if letter in "fpum" else 50_000 + chance.randrange(9000) for letter in letters + "c"]
        kind = ["well", "well", "well", "well", "failing", "late", "well", "stuck", "well", "well"][number % 10]
        if kind == "failing":
            _add_failing(made, chance, export_id, name)
            letters, users[-5:] = letters[:-4] + "fffff", [None] * 5
        elif kind == "late":
            made.export(late(export_id, name=name))
            letters, users[-2:] = letters[:-1] + "mm", [None] * 2
        elif kind == "stuck":
            made.export(stuck(export_id, name=name))
            letters = letters[:-2] + "p.."
        else:
            made.export(export(export_id, name=name, runs_contradictory=int(number % 50 == 0)))
            letters += "c"
        made.days(export_id, letters)
        made.users(export_id, users)
        made.users(export_id, [17], TODAY - timedelta(days=days + number % 9), is_anomaly=True)
        _add_runs(made, export_id, number)
    return made.finish()


def _add_failing(made: Made, chance: random.Random, export_id: str, name: str) -> None:
    error = f"AccessDenied: role/didomi-export may not s3:PutObject on arn:aws:s3:::{export_id}/* " * chance.randrange(
        1, 12
    )
    made.export(failing(export_id, name=name, last_error_message=error, organization_id="acme"))
    made.add(
        "export_incidents", incident_id=export_id, export_id=export_id, started_at=ago(days=4, hours=2), started_by="failed",
        is_open=True, duration_seconds=4 * 86_400 + 7200, runs_failed=5, runs_missed=0, last_error_kind="access_denied",
    )  # fmt: skip
    made.add(
        "export_errors", export_id=export_id, error_kind="access_denied", run_date=TODAY, failures=5,
        first_failure_at=ago(days=4), last_failure_at=ago(hours=2), example_message=error,
    )  # fmt: skip


def _add_runs(made: Made, export_id: str, number: int) -> None:
    for day in range(3):
        made.add(
            "export_runs", log_id=f"{export_id}-{day}", export_id=export_id, run_at=ago(days=day, hours=2), status="completed",
            users=None if number % 50 == 0 and day == 0 else 1000, loaded_at=ago(days=day, hours=1),
            contradiction="completed_without_users" if number % 50 == 0 and day == 0 else None,
        )  # fmt: skip


HOSTILE = "<script>document.title='owned'</script><img src=https://evil.example/x onerror=alert(1)>"
HOSTILE_NAME = "Consents <b>&\"'</b> \u202e gnp.exe \x1b[31m {{ 7*7 }}"
LONG_NAME = "a-very-long-name-without-a-single-space-" * 8


def morning(path: Path) -> Path:
    """Marts with one export of each kind that an operator may meet, and texts that mean harm."""
    made = Made(path)
    _hostile(made)
    made.export(failing("weekly", 2, name="Proofs (weekly)", frequency="1 week", interval_seconds=604_800,
                        failing_since_at=ago(days=8), last_success_at=ago(days=15), seconds_since_last_success=15 * 86_400,
                        last_error_kind="internal", last_error_message="Internal error: executor lost (exit 137)"))  # fmt: skip
    weekly = "".join("f" if day in (1, 8) else "c" if day % 7 == 1 else "." for day in range(180, -1, -1))
    made.days("weekly", weekly)
    made.users("weekly", [700_000 + 9000 * (i % 5) if letter == "c" else None for i, letter in enumerate(weekly)])
    made.export(late("late", name="Preferences – EU"))
    made.days("late", "c" * 170 + "rfffr" + "c" * 5 + "mm.")
    made.users("late", [61_000 + 4000 * (i % 7) for i in range(180)] + [None] * 3)
    made.export(stuck("stuck", name="Consents – mobile apps"))
    made.days("stuck", "c" * 150 + "p..")
    made.users("stuck", [199_000 + 9000 * (i % 7) for i in range(150)] + [None] * 3)
    made.export(
        export("unread", name="Consents – TV", last_complete_sync_at=ago(days=4), last_synced_at=ago(minutes=30))
    )
    made.export(export("odd", name=LONG_NAME, frequency="fortnightly", interval_seconds=None, expected_next_run_at=None,
                       health="unknown_schedule", health_reason='the frequency "fortnightly" cannot be read'))  # fmt: skip
    made.export(export("new", name=None, health="no_outcome", health_reason="no run with a known time has settled yet",
                       first_run_at=None, last_run_at=None, last_success_at=None, last_success_users=None, runs_total=0,
                       seconds_since_last_success=None, expected_next_run_at=None, current_streak=0, success_rate=None,
                       **dict.fromkeys(["runs_completed_7d", "runs_failed_7d", "success_rate_7d"]),
                       **dict.fromkeys(["runs_completed_28d", "runs_failed_28d", "success_rate_28d"])))  # fmt: skip
    made.export(export("well", name="Consents – web", runs_unknown=1, runs_missing_at_source=3, runs_untimed=12))
    for name in ("unread", "odd", "well"):
        made.days(name, "c" * 60 + "m" + "c" * 40 + "u" + "c" * 80)
        made.users(name, [540_000 + 30_000 * (i % 7) for i in range(182)])
    _unusual(made)
    _delivered(made)
    return made.finish()


def _delivered(made: Made) -> None:
    made.deliveries(
        "well", "as_claimed not_comparable - short as_claimed missing more as_claimed", expires_at=ago(days=-3)
    )
    made.deliveries("hostile", "as_claimed corrupt no_success unreadable", verdict_reason=HOSTILE + "x" * 400)
    made.deliveries(
        "late", "unclaimed unannounced delivered_although_failed arriving not_checked", data_kind="cmp_hourly_metrics"
    )
    made.deliveries("stuck", "as_claimed as_claimed", is_about_to_expire=True, expires_at=ago(hours=-20))
    made.deliveries("unread", "as_claimed as_claimed", expires_at=ago(hours=-20), archived_at=ago(days=1))


def _hostile(made: Made) -> None:
    text = f"{HOSTILE}\nsecond line \x00\x07 " + "y" * 5000
    made.export(
        failing("hostile", 5, name=HOSTILE_NAME, last_error_message=text, runs_contradictory=1, logs_quarantined=2)
    )
    made.days("hostile", "c" * 100 + "cccffrcccrcc" + "c" * 60 + "fffff")
    made.users("hostile", [140_000 + 5000 * (i % 7) for i in range(172)] + [None] * 5)
    made.add("export_incidents", incident_id="i", export_id="hostile", started_at=ago(days=4, hours=2), started_by="failed",
             is_open=True, duration_seconds=4 * 86_400 + 7200, runs_failed=5, runs_missed=0, last_error_kind="access_denied")  # fmt: skip
    made.add("export_incidents", incident_id="j", export_id="gone", started_at=ago(days=9), started_by="missed", is_open=False,
             recovered_at=ago(hours=3), duration_seconds=8 * 86_400, runs_failed=0, runs_missed=8)  # fmt: skip
    made.add("export_errors", export_id="hostile", error_kind="access_denied", run_date=TODAY, failures=5,
             first_failure_at=ago(days=4), last_failure_at=ago(hours=2), example_message=text)  # fmt: skip
    made.add("export_runs", log_id="<i>log</i>", export_id="hostile", run_at=ago(days=1), status="completed", users=5,
             error_message=HOSTILE, contradiction="completed_with_error", loaded_at=ago(hours=1))  # fmt: skip


def _unusual(made: Made) -> None:
    odd = {"users_change_rate": -1.0, "deviation_rate": -1.0, "is_anomaly": True}
    rows = made._rows["daily_user_volume"]
    for export_id, days, users in (("well", 0, 0), ("unread", 21, 190_000)):
        row = next(r for r in rows if r["export_id"] == export_id and r["run_date"] == TODAY - timedelta(days=days))
        row.update(odd, users=users, weekday_median_users=550_000.0, deviation_rate=users / 550_000 - 1)
