"""The connector's settings: names, types, defaults and descriptions, and the values that are refused.

`make settings` writes README's table, .dlt/config.toml and the files of `didomi init` from the class `Settings`.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlsplit

import dlt
from dlt.common.configuration import configspec, resolve_configuration, resolve_type
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigValueCannotBeCoercedException,
    ValueNotSecretException,
)
from dlt.common.configuration.specs import BaseConfiguration

from . import configuration
from .configuration import MAX_WAIT_SECONDS, SECTION, check_ranges, environment_name, ids_of, refuse, unquoted
from .errors import ConfigurationError

DEFAULT_BASE_URL = "https://api.didomi.io/v1"
# "$limit usually has to be lower than 100" (developers.didomi.io, pagination, read 2026-11).
DEFAULT_PAGE_SIZE = 99
MAX_PAGE_SIZE = 1000
MAX_DAYS = 36_500
_REQUIRED = ("api_key", "api_secret", "organization_id")
# Categories of Unicode: what cannot be seen or printed, blanks, brackets and typographic quotes.
_NOT_IN_AN_ID = ("C", "Z", "Ps", "Pe", "Pi", "Pf")


@configspec
class Settings(BaseConfiguration):
    """Everything that reading the API needs; checked as soon as it is complete.

    Args:
        api_key: Key of a private API key of the organization.
        api_secret: Secret of that key.
        organization_id: The organization whose exports are read.
        export_ids: The exports to read; without any, all that the API lists.
        base_url: Root of the API with its version; plain HTTP is accepted for this machine only.
        page_size: Logs asked for in one request, 1 to 1000; the API wants fewer than 100.
        lookback_days: How far behind the newest known log an incremental read goes on, in days.
        full_read_every_days: After how many days the whole list of an export is read again.
        retry_seconds: How long the pauses between the attempts of one request may be in all, in seconds.
        answer_seconds: How long one complete answer may take, in seconds.
        max_answer_bytes: How large one answer may be, in bytes, decompressed.
        trust_env: Whether proxies and certificates of the environment are used.

    Raises:
        ConfigurationError: A setting is empty or cannot be right.
    """

    __section__: ClassVar[str] = "didomi"

    api_key: dlt.TSecretStrValue = dlt.secrets.value
    api_secret: dlt.TSecretStrValue = dlt.secrets.value
    organization_id: str = dlt.config.value
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
        if self.as_dict_nondefault():  # else dlt is about to fill it in
            self.resolve()

    def __repr__(self) -> str:
        return f"Settings(organization_id={self.organization_id!r}, base_url={self.base_url!r})"

    @resolve_type("export_ids")
    def _type_of_export_ids(self) -> Any:
        return Any  # a list in TOML; a JSON list or names with commas between them in the environment

    def on_resolved(self) -> None:
        """Clean and check all values; dlt calls this when none is missing."""
        for name in (*_REQUIRED, "base_url"):
            self[name] = unquoted(str(self[name] or ""))
        for name in _REQUIRED:
            if not self[name]:
                _refuse(name, "is empty", f"set {environment_name(name)} or add it to .dlt/secrets.toml")
        for name in ("api_key", "api_secret"):
            if not _is_plain(self[name]):
                problem = "holds a line end, a byte order mark or another character that no key has"
                _refuse(name, problem, "copy it again; a file that it is read from has to be plain text")
        self.export_ids = ids_of(self.export_ids)
        for name, value in (("organization_id", self.organization_id), *(("export_ids", i) for i in self.export_ids)):
            if any(c in "\"'`<>" or unicodedata.category(c).startswith(_NOT_IN_AN_ID) for c in value):
                _refuse(name, f"is not an id ({value!r})", "write it without quotes, brackets and blanks")
        self.base_url = self.base_url.rstrip("/")
        _check_url(self.base_url)
        self._check_ranges()

    def _check_ranges(self) -> None:
        if not 1 <= self.page_size <= MAX_PAGE_SIZE:
            _refuse("page_size", f"is {self.page_size}", f"choose 1 to {MAX_PAGE_SIZE}; the API wants less than 100")
        ranges = {
            "lookback_days": (0, MAX_DAYS),
            "full_read_every_days": (0, MAX_DAYS),
            "retry_seconds": (0, MAX_WAIT_SECONDS),
            "answer_seconds": (0.1, MAX_WAIT_SECONDS),
            "max_answer_bytes": (1024, math.inf),
        }
        check_ranges(SECTION, self, ranges)


def load_settings(export_ids: Sequence[str] = ()) -> Settings:
    """Read the connector's settings from dlt's configuration.

    Args:
        export_ids: Take these exports instead of the configured ones.

    Raises:
        ConfigurationError: A setting is missing or cannot be right, or a settings file or secret store is broken.
    """
    configuration.providers()
    settings = Settings()
    try:
        # Below `sources` alone: by default dlt also takes a BASE_URL or an API_KEY that is meant for others.
        resolve_configuration(
            settings, sections=("sources",), explicit_value={"export_ids": tuple(export_ids)} if export_ids else {}
        )
    except (ConfigFieldMissingException, ConfigurationError) as error:
        missing = [environment_name(name) for name in _REQUIRED if not settings[name]]
        if not missing:
            raise
        msg = f"not configured: {', '.join(missing)} (environment variables, or [{SECTION}] in .dlt/secrets.toml)"
        raise ConfigurationError(msg) from error
    except ConfigValueCannotBeCoercedException as error:
        configuration.refuse_type(SECTION, error)
    except ValueNotSecretException as error:
        msg = f"setting {error.key} is a secret and cannot be in {error.provider_name}: move it to .dlt/secrets.toml"
        raise ConfigurationError(msg) from error
    configuration.warn_of_open_secrets()
    return settings


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url if _is_plain(url) and " " not in url else "")
        parts.port  # noqa: B018 - raises where it is no number
        (parts.hostname or "").encode("idna")  # raises where a part of the name is empty or too long
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


def _refuse(name: str, problem: str, remedy: str) -> NoReturn:
    refuse(f"{SECTION}.{name}", problem, remedy)
