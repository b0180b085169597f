"""The requests that the sandbox received."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Request:
    """One request.

    Args:
        method: The HTTP method.
        path: The path, with `/v1`.
        query: The query string, as sent.
        params: Its parameters; of repeated ones the last.
        headers: The headers, names in lower case.
        body: The body.
        time: When it was received, seconds since 1970 by the sandbox's clock.
        status: The answer's HTTP status; None before the answer, and when the connection was closed without one.
        fault: The names of the faults that it met.
    """

    method: str
    path: str
    query: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    time: float
    status: int | None = None
    fault: tuple[str, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether it asked for a page of logs."""
        return self.method == "GET" and self.path.endswith("/marketplace/exports/logs")
