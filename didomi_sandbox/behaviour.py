"""What the documentation leaves open, a switch for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable

    from .store import Store

Sort = Literal["honoured", "first_field", "ignored", "rejected", "unprocessable", "crashes"]
Order = Literal[
    "inserted",
    "inserted_desc",
    "created",
    "created_desc",
    "updated",
    "updated_desc",
    "random_id",
    "heap",
    "page_only",
    "rotated",
    "shards",
    "ties",
]
Ties = Literal["stable", "shuffled"]
Envelope = Literal["full", "data_alone", "data_alone_unpaged"]
Timestamps = Literal["present", "created_only", "absent"]
EchoedLimit = Literal["capped", "asked"]
ExportFilter = Literal["honoured", "ignored"]
Access = Literal["allowed", "forbidden", "missing"]
RateWindow = Literal["sliding", "fixed"]

ORDERS: tuple[Order, ...] = get_args(Order)
"""Every order that a list can come in."""

CHOICES: dict[str, tuple[str, ...]] = {
    "sort": get_args(Sort),
    "order": ORDERS,
    "ties": get_args(Ties),
    "envelope": get_args(Envelope),
    "timestamps": get_args(Timestamps),
    "echoed_limit": get_args(EchoedLimit),
    "export_filter": get_args(ExportFilter),
    "integrations": get_args(Access),
    "rate_window": get_args(RateWindow),
}
"""The values of each switch that has a choice of words."""


@dataclass(frozen=True)
class Behaviour:
    """The API where its documentation is silent; the defaults are the plainest reading of it.

    Args:
        sort: What `$sort` does: order the whole list, order it by the first field alone, nothing, or answer 400 (422 or
            500 from a server whose database has no such column).
        order: The order of a list when no sort is in force.
            - `inserted`, `inserted_desc`: in the order of insertion, or its reverse.
            - `created`, `created_desc`, `updated`, `updated_desc`: by time; an update moves a log.
            - `random_id`: by a hash of the id, the same on each request.
            - `heap`: shuffled on each request.
            - `page_only`: the page is cut from `random_id` first, then sorted as asked (else by creation).
            - `rotated`: in the order of insertion, but each request starts at another place and wraps around.
            - `shards`: two halves, each by creation, one after the other.
            - `ties`: by the day of creation; within a day shuffled on each request.
        ties: The order of logs with equal sort values: that of insertion, or shuffled on each request.
        envelope: `full` has `total`, `limit`, `skip` and `data`; `data_alone` only the last; `data_alone_unpaged`
            ignores `$limit` and `$skip` too.
        timestamps: Whether logs have `created_at` and `updated_at`. An absent field can't be sorted or filtered by.
        page_cap: The most logs that a page holds, whatever `$limit` asks for; None for no such cap.
        echoed_limit: The `limit` in the envelope: the one that was applied, or the one that was asked for.
        export_filter: Whether `export_id` filters the log list.
        integrations: What the list of export configurations answers: 200, 403 or 404.
        forbidden_exports: Exports whose log list answers 403.
        missing_exports: Exports whose log list answers 404.
        token_life: Seconds until a token expires (an older copy of the documentation says 86400).
        rate_limit: Requests and seconds, for each organization over all its keys; None for no limit.
        rate_window: Whether a request stops counting one window after it came in, or all of them at the window's end.
        other_client_share: The part of the limit, 0 to 1, that another client of the organization uses, evenly over
            time.
        latency: Seconds before each answer.
        seed: The seed of every shuffle; it takes effect when the sandbox starts and at its reset.
        on_request: Called before each list of logs is read, to change the store between two pages. Its arguments are
            the store and the number of the list, from 1 since the last `Sandbox.reset`.

    Raises:
        ValueError: A switch of words has none of its words.
    """

    sort: Sort = "honoured"
    order: Order = "inserted"
    ties: Ties = "stable"
    envelope: Envelope = "full"
    timestamps: Timestamps = "present"
    page_cap: int | None = 100
    echoed_limit: EchoedLimit = "capped"
    export_filter: ExportFilter = "honoured"
    integrations: Access = "allowed"
    forbidden_exports: frozenset[str] = frozenset()
    missing_exports: frozenset[str] = frozenset()
    token_life: float = 3600
    rate_limit: tuple[int, float] | None = (100, 15)
    rate_window: RateWindow = "sliding"
    other_client_share: float = 0.0
    latency: float = 0.0
    seed: int = 0
    on_request: Callable[[Store, int], None] | None = None

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}, not {getattr(self, name)!r}")
