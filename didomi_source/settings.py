"""The connector's settings: their defaults, and what cannot be right about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from .errors import ConfigurationError

SECTION = "sources.didomi"
DEFAULT_BASE_URL = "https://api.didomi.io/v1"
# "$limit usually has to be lower than 100" (developers.didomi.io, pagination, read 2026-11).
DEFAULT_PAGE_SIZE = 99
MAX_PAGE_SIZE = 1000
MAX_DAYS = 36_500
MAX_WAIT_SECONDS = 7 * 86_400


@dataclass(frozen=True)
class Settings:
    """Everything that reading the API needs.

    Args:
        api_key: Key of a private API key of the organization.
        api_secret: Its secret.
        organization_id: The organization whose exports are read.
        export_ids: The exports to read; empty means: all that the API lists.
        base_url: Root of the API, with its version.
        page_size: Logs asked for in one request (1 to 1000); the server may send fewer.
        lookback_days: How far behind the newest known log an incremental read goes on, in days.
        full_read_every_days: After how many days the whole list is read again.
        retry_seconds: How long the pauses between the attempts of one request may be in all.
        answer_seconds: How long one complete answer may take.
        max_answer_bytes: How large one answer may be, unpacked.
        trust_env: Whether proxies and certificates of the environment are used.

    Raises:
        ConfigurationError: A setting is missing or cannot be right.
    """

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    organization_id: str
    export_ids: Sequence[str] = ()
    base_url: str = DEFAULT_BASE_URL
    page_size: int = DEFAULT_PAGE_SIZE
    lookback_days: float = 2.0
    full_read_every_days: float = 7.0
    retry_seconds: float = 300.0
    answer_seconds: float = 30.0
    max_answer_bytes: int = 64 * 1024 * 1024
    trust_env: bool = False

    def __post_init__(self) -> None:
        for name in ("api_key", "api_secret", "organization_id"):
            if not str(getattr(self, name) or "").strip():
                _refuse(name, "is empty", f"set {environment_name(name)} or add it to .dlt/secrets.toml")
        if isinstance(self.export_ids, str) or not all(isinstance(i, str) and i for i in self.export_ids):
            _refuse("export_ids", "is not a list of ids", 'write it like ["id1", "id2"]')
        object.__setattr__(self, "export_ids", tuple(dict.fromkeys(self.export_ids)))
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))
        _check_url(self.base_url)
        if not 1 <= self.page_size <= MAX_PAGE_SIZE:
            _refuse("page_size", f"is {self.page_size}", f"choose 1 to {MAX_PAGE_SIZE}; the API wants less than 100")
        for name, least, most in (
            ("lookback_days", 0, MAX_DAYS),
            ("full_read_every_days", 0, MAX_DAYS),
            ("retry_seconds", 0, MAX_WAIT_SECONDS),
            ("answer_seconds", 0.1, MAX_WAIT_SECONDS),
            ("max_answer_bytes", 1024, math.inf),
        ):
            if not least <= getattr(self, name) <= most:
                _refuse(name, f"is {getattr(self, name)}", f"choose a number from {least:g} to {most:g}")

    def as_arguments(self) -> dict[str, Any]:
        """The settings as arguments of `didomi_source`."""
        return asdict(self)


def environment_name(setting: str) -> str:
    """The environment variable from which dlt reads a setting of this source."""
    return f"{SECTION}.{setting}".replace(".", "__").upper()


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        _refuse("base_url", "is not a web address", f"the default is {DEFAULT_BASE_URL}")
    if parts.username or parts.password or parts.query or parts.fragment:
        _refuse("base_url", "carries credentials, a query or a fragment", "give scheme, host and path only")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        _refuse("base_url", f"is plain http ({parts.hostname})", "use https: key and secret would travel readably")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _refuse(name: str, problem: str, remedy: str) -> None:
    msg = f"setting {SECTION}.{name} {problem}: {remedy}"
    raise ConfigurationError(msg)
