"""The requests that the sandbox received."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = 50_000


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
        organization: The organization that sent it; None if unknown.
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
    organization: str | None = None
    status: int | None = None
    fault: tuple[str, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether it asked for a page of logs."""
        return self.method == "GET" and self.path.endswith("/marketplace/exports/logs")


class Recorder:
    """The latest 50,000 requests, the oldest first."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=_KEPT)

    def add(self, request: Request) -> None:
        """Keep a request."""
        self._requests.append(request)

    def all(self) -> list[Request]:
        """The requests, the oldest first."""
        return list(self._requests)

    def clear(self) -> None:
        """Remove all requests."""
        self._requests.clear()

    def list_counts(self) -> Counter[str]:
        """The number of requests for pages of logs, by export id (empty for none)."""
        return Counter(request.params.get("export_id", "") for request in self.all() if request.is_list)

    def most_in_window(self, seconds: float, organization: str | None = None) -> int:
        """The highest number of requests in any window of this length.

        Args:
            seconds: The length; a request that many seconds after another is outside its window.
            organization: Count its requests alone; all of them unless given.
        """
        times = [r.time for r in self.all() if organization is None or r.organization == organization]
        most, first = 0, 0
        for position, moment in enumerate(times):
            while times[first] <= moment - seconds:
                first += 1
            most = max(most, position - first + 1)
        return most
