"""Each behaviour that the documentation leaves open, as a switch."""

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
OverCap = Literal["capped", "rejected"]
EchoedLimit = Literal["capped", "asked"]
RangeFilters = Literal["honoured", "ignored", "rejected"]
ExportFilter = Literal["honoured", "required", "ignored"]
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
    "over_cap": get_args(OverCap),
    "echoed_limit": get_args(EchoedLimit),
    "range_filters": get_args(RangeFilters),
    "export_filter": get_args(ExportFilter),
    "log_by_id": get_args(Access),
    "integrations": get_args(Access),
    "rate_window": get_args(RateWindow),
}
"""The values of each switch that has a choice of words."""


@dataclass(frozen=True)
class Behaviour:
    """How the API behaves where its documentation is silent; the defaults are the plainest reading of it."""

    sort: Sort = "honoured"
    """What ``$sort`` does: order the whole list, order it by the first field alone, nothing, or answer 400 (422 or
    500 from a server that leaves it to a database without such a column)."""

    order: Order = "inserted"
    """The order of a list when no sort is in force.

    - ``inserted``, ``inserted_desc``: as the logs came in, or the other way round.
    - ``created``, ``created_desc``, ``updated``, ``updated_desc``: by time; an update moves a log.
    - ``random_id``: by an id that says nothing, the same on each request.
    - ``heap``: shuffled anew on each request.
    - ``page_only``: the page is cut from ``random_id`` first, then sorted as asked (else by creation).
    - ``rotated``: as inserted, but each request starts somewhere else and wraps around.
    - ``shards``: two halves, each by creation, one after the other.
    - ``ties``: by the day of creation; within a day shuffled anew on each request.
    """

    ties: Ties = "stable"
    """How logs with equal sort values stand: as inserted, or shuffled anew on each request."""

    envelope: Envelope = "full"
    """``full`` has ``total``, ``limit``, ``skip`` and ``data``; ``data_alone`` only the last;
    ``data_alone_unpaged`` ignores ``$limit`` and ``$skip`` too."""

    timestamps: Timestamps = "present"
    """Whether logs have ``created_at`` and ``updated_at``. A field that is absent can't be sorted or filtered by."""

    page_cap: int | None = 100
    """The most logs that a page holds, whatever ``$limit`` asks for."""

    over_cap: OverCap = "capped"
    """What a ``$limit`` above the cap gets: a shorter page, or 400."""

    echoed_limit: EchoedLimit = "capped"
    """The ``limit`` in the envelope: the one that was applied, or the one that was asked for."""

    default_limit: int = 10
    """The page length when ``$limit`` is missing."""

    range_filters: RangeFilters = "honoured"
    """What ``field[$gte]=…`` and the other operators do: filter, nothing, or answer 400."""

    export_filter: ExportFilter = "honoured"
    """What ``export_id`` does on the log list; ``required`` answers 400 when it is missing."""

    log_by_id: Access = "missing"
    """What ``GET /marketplace/exports/logs/{id}`` answers."""

    integrations: Access = "allowed"
    """What the list of export configurations answers: 200, 403 or 404."""

    forbidden_exports: frozenset[str] = frozenset()
    """Exports whose log list answers 403."""

    missing_exports: frozenset[str] = frozenset()
    """Exports whose log list answers 404."""

    token_life: float = 3600
    """Seconds until a token expires (an older copy of the documentation says 86400)."""

    rate_limit: tuple[int, float] | None = (100, 15)
    """Requests and seconds, for each organization over all its keys; None for no limit."""

    rate_window: RateWindow = "sliding"
    """Whether each request frees its place after the window, or all at once at the window's end."""

    rate_headers: bool = True
    """Whether answers carry ``RateLimit`` and ``RateLimit-Policy``."""

    rejected_count: bool = False
    """Whether requests answered 429 use up the limit as well."""

    other_client_share: float = 0.0
    """The part of the limit, 0 to 1, that somebody else in the organization uses up evenly all the time."""

    latency: float = 0.0
    """Seconds before each answer."""

    gzip: bool = True
    """Whether answers are compressed for clients that accept it."""

    seed: int = 0
    """The seed of everything that is random here; it takes effect when the sandbox starts and at its reset."""

    on_request: Callable[[Store, int], None] | None = None
    """Called with the store and a number, before each list of logs is read, so that it can move in between.

    The number counts these lists from 1 since the last `Sandbox.reset`."""

    def __post_init__(self) -> None:
        """Refuse words that no switch knows, which would else pass for the default.

        Raises:
            ValueError: A switch has none of its values.
        """
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                message = f"{name} is one of {', '.join(choices)}, not {getattr(self, name)!r}"
                raise ValueError(message)
