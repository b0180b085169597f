"""A dead man's switch: a service that raises an alarm when it is not called in time.

Source: healthchecks.io/docs/http_api (read 2026-11): `<url>/start`, `<url>` and `<url>/fail`, by POST; what is sent
with it is kept as a log.
"""

from __future__ import annotations

import logging
import time
from urllib.parse import urlsplit, urlunsplit

from didomi_source.configuration import get_secret
from didomi_source.errors import ConfigurationError, RunLocked

from . import Outcome

logger = logging.getLogger(__name__)

SETTING = "notify.ping_url"
_TIMEOUT = (5, 10)
_TRIES = 3
_BODY_LENGTH = 10_000


def configured_url() -> str | None:
    """The URL of dlt's configuration."""
    found: object = get_secret(SETTING)
    return str(found) if found else None


class Ping:
    """Calls the service.

    Args:
        url: Its URL for this schedule; whoever knows it can call it, so it is told to nobody.

    Raises:
        ConfigurationError: It is not a web address.
    """

    def __init__(self, url: str) -> None:
        try:
            self._parts = urlsplit(url)
            valid = self._parts.scheme in ("http", "https") and bool(self._parts.hostname)
        except ValueError:
            valid = False
        if not valid:
            msg = f"--ping-url, or {SETTING}, is not a web address: write it like https://hc-ping.com/your-uuid"
            raise ConfigurationError(msg)
        self._is_started = False

    def step(self, text: str) -> None:  # noqa: ARG002 - a `Watcher`
        """Call `/start` with the first step."""
        if not self._is_started:
            self._is_started = True
            self._call("/start", tries=1)

    def ended(self, outcome: Outcome) -> None:
        """Call with what came of it; a run that found another one at work says nothing."""
        if isinstance(outcome.error, RunLocked):
            return
        self._call("/fail" if outcome.exit_code else "", "\n".join(outcome.failures), _TRIES)

    def _call(self, ending: str, body: str = "", tries: int = 1) -> None:
        import requests

        # A query stays behind the path.
        url = urlunsplit(self._parts._replace(path=self._parts.path.rstrip("/") + ending))
        why = ""
        for attempt in range(tries):
            time.sleep(attempt)
            try:
                answer = requests.post(url, data=body[:_BODY_LENGTH].encode(), timeout=_TIMEOUT)
            except requests.RequestException as error:
                why = type(error).__name__  # its text holds the URL
                continue
            if answer.ok:
                return
            why = f"it answered {answer.status_code}"
        logger.warning("the ping to %s failed (%s); the run is not affected", self._parts.hostname, why)
