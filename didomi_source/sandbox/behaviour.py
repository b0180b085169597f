"""Each behaviour that the documentation leaves open, as a switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable

    from didomi_source.sandbox.store import Store

Sort = Literal["honoured", "first_field", "ignored", "rejected"]
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
Envelope = Literal["full", "data_alone", "data_alone_unpaged"]
Access = Literal["allowed", "forbidden", "missing"]

ORDERS: tuple[Order, ...] = get_args(Order)
"""Every order that a list can come in."""


@dataclass(frozen=True)
class Behaviour:
    """How the API behaves where its documentation is silent; the defaults are the plainest reading of it."""

    sort: Sort = "honoured"
    """What ``$sort`` does: order the whole list, order it by the first field alone, nothing, or answer 400."""

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

    ties: Literal["stable", "shuffled"] = "stable"
    """How logs with equal sort values stand: as inserted, or shuffled anew on each request."""

    envelope: Envelope = "full"
    """``full`` has ``total``, ``limit``, ``skip`` and ``data``; ``data_alone`` only the last;
    ``data_alone_unpaged`` ignores ``$limit`` and ``$skip`` too."""

    timestamps: Literal["present", "created_only", "absent"] = "present"
    """Whether logs have ``created_at`` and ``updated_at``. A field that is absent can't be sorted or filtered by."""

    page_cap: int | None = 100
    """The most logs that a page holds, whatever ``$limit`` asks for."""

    over_cap: Literal["capped", "rejected"] = "capped"
    """What a ``$limit`` above the cap gets: a shorter page, or 400."""

    echoed_limit: Literal["capped", "asked"] = "capped"
    """The ``limit`` in the envelope: the one that was applied, or the one that was asked for."""

    default_limit: int = 10
    """The page length when ``$limit`` is missing."""

    range_filters: Literal["honoured", "ignored", "rejected"] = "honoured"
    """What ``field[$gte]=…`` and the other operators do: filter, nothing, or answer 400."""

    export_filter: Literal["honoured", "required", "ignored"] = "honoured"
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

    rate_window: Literal["sliding", "fixed"] = "sliding"
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
    """The seed of everything that is random here."""

    on_request: Callable[[Store, int], None] | None = None
    """Called with the store and a number, before each list of logs is read, so that it can move in between.

    The number counts these lists from 1 since the last `Sandbox.reset`."""
